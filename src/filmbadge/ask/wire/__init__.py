"""The wire. Only `dialer` touches a socket; the protocols that it carries touch none."""
