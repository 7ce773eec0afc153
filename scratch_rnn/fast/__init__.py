"""Fast products, sums, look-ups and memory in NumPy. Skip them on a first reading.

Each file replaces one expression of NumPy by a faster way to the same result, and says why the
expression is slow. The equations are in `plain` and `cells`.
"""
