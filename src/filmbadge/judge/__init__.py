"""Pure functions from observations to verdicts. Nothing here asks, keeps, or finds words."""
