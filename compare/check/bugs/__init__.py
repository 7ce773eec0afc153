"""A catalogue of bugs that people made in RNNs, and how to put one into a copy of our code."""
