"""The network as a LiteRT file, which answers without TensorFlow and Keras."""
