"""Where endpoints come from: networks, hosts, and lists of them."""
