"""What changed between two surveys: which archives are new, gone, closed, still open, or moved. Nothing here asks anybody."""
