"""Where scikit-learn would be: Keras imports all of it where it is installed."""

raise ModuleNotFoundError("hidden from what the tests start", name="sklearn")
