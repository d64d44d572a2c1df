"""Readers: each turns one way of keeping data into an item table.

``reading.read_data`` chooses the reader; every reader has a file of its own.
"""
