"""Pages, the API and its description, all from one table of routes."""
