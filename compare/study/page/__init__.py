"""One page that shows every number of the network on a short text."""
