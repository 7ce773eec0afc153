"""Cases, their expected results, and the comparison of results."""
