"""Adapters: layers of other libraries, called like ours.

Each file is loaded in the process of the user's code and imports its library and NumPy alone.
To add one, add a file: `which` says what it has.
"""
