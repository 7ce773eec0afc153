"""Properties of every correct layer, model and training, for any weights."""
