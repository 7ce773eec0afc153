"""The templates that `check --new` writes: what they share, and the functions of each cell."""
