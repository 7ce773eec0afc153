"""A recurrent layer of a user's class or of six functions, and any layer in our language model."""
