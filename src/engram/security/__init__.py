"""Who may do what: policy, users, tokens, keys, OAuth2, filters, limits, audit."""
