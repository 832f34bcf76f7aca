"""Starts the simulator on a loopback port."""

import argparse
import os
import sys
import threading

from aiohttp import web

from .world import World


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1, help="decides what is random")
    parser.add_argument(
        "--until-stdin-ends", action="store_true", help="end when whoever started it ends"
    )
    given = parser.parse_args()
    if given.until_stdin_ends:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    world = World(given.port, given.seed)
    if world.paypal.document is None:
        sys.stderr.write("PayPal's documents are missing: the simulator's own checks apply\n")
    if not given.until_stdin_ends:
        sys.stderr.write(f"PayPal at http://127.0.0.1:{given.port}\n")
        sys.stderr.write(f"Tremendous at http://127.0.0.1:{given.port}/api/v2\n")
    web.run_app(
        world.application(),
        host="127.0.0.1",
        port=given.port,
        print=None,
        access_log=None,
        shutdown_timeout=0.1,
    )


main()
