"""Finds medical image archives that answer strangers, and counts what they would give away."""

__version__ = "0.1.0"
