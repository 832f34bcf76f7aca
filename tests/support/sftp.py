"""A bank's SFTP server on this machine: where it may stand, and its user's credentials."""

from ipaddress import ip_network

import asyncssh

HERE = (ip_network("127.0.0.0/8"),)


def secrets(key: asyncssh.SSHKey) -> dict[str, str]:
    return {"sftp_key": key.export_private_key().decode()}
