"""How knowledge moves from a source to a target: strategies as plain data, one paper one file."""
