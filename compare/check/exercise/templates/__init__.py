"""The templates that `new` writes: what they share, and the functions of each cell."""
