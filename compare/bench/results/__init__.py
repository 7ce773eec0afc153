"""The stored results, and the tables and pictures that are made of them."""
