"""Everything that meets an archive: a room for each way in, and below them what knows no protocol, and the wire."""
