"""What web pages show: viewers, portals, lists of files."""
