"""The recurrent cells, fast: one layer, one direction, all T steps, forward and backward."""
