"""Synthetic worlds on loopback with known truth. They show whether the instrument measures right."""
