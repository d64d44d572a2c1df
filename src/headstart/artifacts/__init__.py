"""What is done with a finished run: predict, evaluate, report."""
