"""Tasks other than classification that a linear head on pooled features serves, for items of every modality."""
