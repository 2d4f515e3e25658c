"""The dashboard: it has surveys run, takes in what they kept, shows what changed, and tells people. It asks no archive."""
