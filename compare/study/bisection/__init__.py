"""Find the first update, time step, tensor and entry in which two implementations differ."""
