"""Bounds on what a peer may send. `compiled.c` has the same; a test compares them."""

MAX_PDU = 128 * 1024  # what we announce for P-DATA, PS3.8 D.1
MAX_CONTROL = 64 * 1024  # of any PDU that is not P-DATA
MAX_COMMAND = 16 * 1024
MAX_RECORD = 1024 * 1024
MAX_NESTING = 32  # of sequences
MAX_COUNT = 1000000  # series or images that one study may say it has: one wild number would spoil a total
