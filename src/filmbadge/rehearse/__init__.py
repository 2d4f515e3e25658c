"""Synthetic worlds on loopback whose truth is known, to see whether the instrument measures right."""
