"""The frozen side: computed once per item by the fastest admitted engine, and kept."""
