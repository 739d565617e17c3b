"""From a config to a ``keras.Model``.

Nothing is imported here, so that ``test_time_augmentation`` comes without Keras.
"""
