"""What this machine and this installation are, and what keeps them from training.

What can crash, hang or be missing is tried in processes of its own (``probe_*``), so
that it becomes an answer.
"""
