"""Metrics as pure functions of arrays, one file each.

Labels and predictions are class indices of shape ``(N,)`` and dtype int64; probabilities have the shape ``(N,
C)``, with rows that sum to one.
"""
