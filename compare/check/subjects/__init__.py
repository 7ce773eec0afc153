"""The six functions of the exercise, and the four of CS231n."""
