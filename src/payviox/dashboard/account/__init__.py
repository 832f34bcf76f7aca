"""Your account: password, second factors, sessions; and proving who one is."""
