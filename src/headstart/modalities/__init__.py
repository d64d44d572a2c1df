"""One short manifest per kind of data."""
