"""Web pages: viewers, portals and lists of files."""
