"""Where do two implementations part? A search for the first update, step, tensor and entry."""
