"""Files that commands write what nobody else may read into."""

import os
from pathlib import Path

from payviox.errors import Conflict


def create(path: Path | None) -> int:
    """Create a file that its owner alone reads, through no link, or take standard output where no
    path is given; answers a descriptor to write to. Raises Conflict."""
    try:
        if path is None:
            return os.dup(1)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Conflict(f"{path} exists already. Nothing was written.") from None
    except OSError as error:
        where = "standard output" if path is None else path
        raise Conflict(
            f"{where} cannot be written to: {error.strerror}. Nothing was done."
        ) from error
