"""The exit codes of every command."""

DONE = 0
FOUND = 1  # done, and --fail-on or --fail-on-grade was reached; for rehearse: a measured number differs from the truth; for verify: something is open
REFUSED = 2  # wrong usage, or the scope refused it
INCOMPLETE = 3  # interrupted, or some facts could not be found out
