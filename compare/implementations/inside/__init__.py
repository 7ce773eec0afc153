"""The part that runs in the process of the user's code: standard library and NumPy only."""
