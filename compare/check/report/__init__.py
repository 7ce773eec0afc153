"""The report of a check: in a terminal, as JSON, for Gradescope, and as pytest items."""
