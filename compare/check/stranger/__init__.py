"""Somebody else's code in a process of its own, and how to talk to it."""
