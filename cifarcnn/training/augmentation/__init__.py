"""Random changes of the training images, drawn by NumPy and done by Keras.

The draws, a few numbers an image, are made on the host and depend on nothing but the
seed, the epoch and the images of the batch. They travel beside the indices; the
images are changed on the device, inside the compiled step, by operations of static
shape and in whole numbers, so that every engine gives the same images to the bit.
"""
