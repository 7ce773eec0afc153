"""What runs in the process of the user's code: the standard library and NumPy alone."""
