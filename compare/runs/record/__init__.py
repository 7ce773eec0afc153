"""The files of a run beside its checkpoints: how they are written, and how they are read."""
