"""What all that is checked has in common: items are tried on cases, and explained."""
