"""A layer of a user, and any layer inside our language model."""
