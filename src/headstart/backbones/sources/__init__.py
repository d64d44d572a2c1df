"""Where pretrained weights come from: one file per source, all behind the contract of ``contract.py``."""
