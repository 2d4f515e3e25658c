"""What the dashboard keeps, in one SQLite file."""
