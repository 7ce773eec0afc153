"""The cells, and the one interface to any recurrent layer."""
