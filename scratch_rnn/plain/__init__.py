"""The recurrent cells as a textbook writes them: NumPy alone, one step after the other."""
