"""The user's code in a process of its own, and how to call it."""
