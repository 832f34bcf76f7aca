"""Starts the simulator on a loopback port, and says on standard output where it listens."""

import argparse
import os
import socket
import sys
import threading

import uvloop
from aiohttp import web

from .world import World


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default: any that is free")
    parser.add_argument("--seed", type=int, default=1, help="decides what is random")
    parser.add_argument(
        "--until-stdin-ends", action="store_true", help="end when whoever started it ends"
    )
    given = parser.parse_args()
    if given.until_stdin_ends:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    listening = socket.create_server(("127.0.0.1", given.port))
    port = listening.getsockname()[1]
    world = World(port, given.seed)
    if world.paypal.document is None:
        sys.stderr.write("PayPal's documents are missing: the simulator's own checks apply\n")
    sys.stdout.write(f"PayPal at http://127.0.0.1:{port}\n")
    sys.stdout.write(f"Tremendous at http://127.0.0.1:{port}/api/v2\n")
    sys.stdout.flush()
    web.run_app(
        world.application(),
        sock=listening,
        print=None,
        access_log=None,
        shutdown_timeout=0.1,
        loop=uvloop.new_event_loop(),
    )


main()
