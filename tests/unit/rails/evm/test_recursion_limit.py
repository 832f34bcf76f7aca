"""What loading the wallet's libraries does to the process."""

import subprocess
import sys

from support.machine import stretch

LOADED_LATE = """
import sys
before = sys.getrecursionlimit()
import payviox.wiring
import web3, eth_account, py_ecc.bls
sys.exit(sys.getrecursionlimit() != before)
"""


def test_the_recursion_limit_stays_as_it_was() -> None:
    """With a higher one, a deeply nested body would crash the interpreter."""
    subprocess.run([sys.executable, "-c", LOADED_LATE], check=True, timeout=stretch(60))
