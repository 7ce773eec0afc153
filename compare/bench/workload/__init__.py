"""What is computed: shapes, weights and inputs, and the number of operations."""
