"""Transferability scores: how well frozen features suit some labels, without training; one score one file."""
