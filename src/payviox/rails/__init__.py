"""Rails: how money leaves. One protocol, one file a rail; no database here."""
