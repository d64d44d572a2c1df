"""Tasks on the single tokens of texts, from the user's data to a saved, judged model."""
