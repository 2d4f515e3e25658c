"""The engine: asks, judges and keeps, under one scope."""
