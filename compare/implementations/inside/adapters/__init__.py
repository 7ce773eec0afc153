"""Adapters: layers of other libraries, called like ours.

Each file is loaded in the process of the user's code and imports its library and NumPy alone.
To add one, add a file with the functions of `library_layer.AdapterModule`, and a record in `which`.
"""
