"""The one notion of an implementation of a recurrent layer."""

import numpy as np

Results = dict[str, np.ndarray]
"""Arrays by name: parameters, or what a pass through a layer gives."""
