"""What the user has: items from wherever they lie, decoded by one rule, checked, and put into splits."""
