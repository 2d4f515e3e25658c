"""Data, not code: the standard's own tables of words, and fingerprints with the examples that test them."""
