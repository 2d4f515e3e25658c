"""Who may in: users, sessions, tokens, a trusted proxy, OpenID Connect."""
