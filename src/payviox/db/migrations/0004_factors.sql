-- Second factors, passkeys, identities at OpenID providers, and proof given again.

SELECT;
