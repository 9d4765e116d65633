"""The vault: keys, credentials, second factors, channels and invitations, and who is forgotten."""
