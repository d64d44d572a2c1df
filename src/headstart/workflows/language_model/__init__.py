"""Language modelling: from running text to a saved, judged language model."""
