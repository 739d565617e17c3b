"""The search for better settings: trainings that Optuna chooses, judged by validation.

Optuna comes with the extra ``search``. It is not imported by ``packages``, ``folder``,
``trials`` and ``observer``.
"""
