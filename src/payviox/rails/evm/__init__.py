"""Crypto from a business's own wallet, on any EVM chain: the native coin and dollar stablecoins."""

import sys

# A library behind eth-account raises the interpreter's recursion limit to 100,000 as it is loaded:
# a deeply nested JSON body would then overflow the C stack and end the process. It is loaded here,
# before anything else loads it, and the limit set back.
_limit = sys.getrecursionlimit()
import py_ecc  # noqa: E402, F401  # for its effect alone

sys.setrecursionlimit(_limit)
