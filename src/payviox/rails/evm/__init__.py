"""Crypto from a business's own wallet, on any EVM chain: the native coin and dollar stablecoins."""
