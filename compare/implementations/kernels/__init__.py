"""Triton's kernels: interpreted on the CPU, or compiled for a GPU that need not be there."""
