"""What is asked of a backbone: a head, its loss, the decoding of its outputs, the names of its metrics."""
