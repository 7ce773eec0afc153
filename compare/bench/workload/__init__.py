"""The workload: shapes, weights and inputs, and the number of operations."""
