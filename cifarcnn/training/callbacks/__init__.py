"""What happens between the steps of a training: a Keras callback for each concern."""
