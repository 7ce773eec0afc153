"""What is tried, and what is right: cases, their results, and one comparison of results."""
