"""The sources of endpoints: networks, hosts, and lists of them."""
