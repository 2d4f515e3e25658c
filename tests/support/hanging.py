"""How long a test waits before it calls something hung. It says nothing about the product: a bound of the product has numbers of its own."""

HANGS = 900  # seconds: what takes so long will not end, on however slow or busy a machine
