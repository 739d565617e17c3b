"""Training: from a config and images to the files of a run.

Nothing is imported here: ``training_data``, ``resume`` and ``observer`` are used before
Keras starts, and the other modules import it.
"""
