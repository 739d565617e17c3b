"""CIFAR-10 and CIFAR-100 in the forms in which they are published."""
