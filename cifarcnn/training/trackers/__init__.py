"""Other programs that keep the figures of trainings, each imported when asked for."""
