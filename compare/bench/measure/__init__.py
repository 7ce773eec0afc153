"""Checking and timing of the rows, and the machine that they run on."""
