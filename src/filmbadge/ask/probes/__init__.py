"""One file per way in. A probe asks through the wire and returns an Observation; it never judges."""
