"""The exit codes of every command."""

DONE = 0
FOUND = 1  # done, and --fail-on was reached; rehearse: measured differs from truth
REFUSED = 2  # usage, or the scope refused it
INCOMPLETE = 3  # interrupted, or something could not be found out
