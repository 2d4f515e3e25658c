"""Proof of closure: what was open before, what it answers now, and who says so."""
