"""Handing files to the bank: into a folder, or over SFTP, once and only once."""
