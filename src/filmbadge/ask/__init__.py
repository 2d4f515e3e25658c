"""Everything that meets an archive: targets, probes, the census, and the wire below them."""
