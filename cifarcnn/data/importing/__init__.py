"""CIFAR in any form that people have, checked and put into the user's cache folder."""
