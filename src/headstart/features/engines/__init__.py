"""Engines: one interface, several ways to compute the frozen side, and a trial that chooses among them."""
