"""One training: begun or resumed, saved from time to time, and stopped by a signal."""
