"""Other libraries' recurrent layers, made to look like the class that `check` expects.

Each file is loaded in the submission's process, and stands by itself: it imports the library and
NumPy alone. `adapted` takes the library's class, and returns one that `check` can ask.
"""
