"""A launch for each step; a program has a tile of the states."""

from scaffold import RNN as RNN
