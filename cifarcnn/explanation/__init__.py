"""What happens inside a network, as numbers: of one image, or of the model alone."""
