"""The ground floor: errors, the registry, files that are written whole or not at all, progress."""
