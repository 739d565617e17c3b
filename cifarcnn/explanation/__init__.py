"""What happens inside a network, as numbers: of one picture, or of the model alone."""
