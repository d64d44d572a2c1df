"""Phases of training as plain data, and one loop that runs them."""
