"""What the network says about images that anybody brings."""
