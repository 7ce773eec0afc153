"""The steps that all checks share: try items on cases, and explain the results."""
