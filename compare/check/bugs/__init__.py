"""Bugs that RNNs written by hand have had, and how one is put into a copy of our own code."""
