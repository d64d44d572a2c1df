"""How good a model is, how sure that is, and whether the pretraining helped."""
