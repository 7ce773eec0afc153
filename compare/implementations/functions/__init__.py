"""The six functions of a cell: what they take and return, and a layer that is made of them."""
