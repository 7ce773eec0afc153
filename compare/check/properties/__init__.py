"""Properties of every correct layer, for any weights."""
