"""Test vectors: cases with the right results and the tolerance of each entry, in files."""
