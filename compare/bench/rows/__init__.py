"""The implementations that are measured, a module for each library."""
