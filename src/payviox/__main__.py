"""The process of the command `payviox`: how it begins and ends. `python -m payviox` is the same;
`serve` starts its children so."""

import atexit
import os
import sys

from payviox import garbage


class _End:
    """Ends the process at once when Python would take down, piece by piece, what was imported:
    tenths of a second, for memory that goes with the process."""

    status: object = None
    """What it ends with; None where it is not known."""

    def __call__(self) -> None:
        if not isinstance(self.status, int):
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            return  # Python says so, with a status of its own
        os._exit(self.status)


def main() -> None:
    """Run the command that the arguments name."""
    garbage.while_loading()
    end = _End()
    atexit.register(end)  # the first, and so called last
    from payviox.cli import main as commands  # noqa: PLC0415  # garbage comes first

    try:
        commands.main()
    except SystemExit as ended:
        end.status = ended.code
        raise


if __name__ == "__main__":
    main()
