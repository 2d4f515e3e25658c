"""The only code that touches a socket (`dialer`), and the protocols it carries, which touch none."""
