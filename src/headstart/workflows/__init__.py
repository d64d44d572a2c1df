"""The order of steps behind a verb."""
