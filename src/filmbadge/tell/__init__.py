"""Everything a person or a machine reads. Reads the dataset; never asks, never judges."""
