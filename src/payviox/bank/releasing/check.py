"""Whether files could be handed to the bank now, and its reports be read. Nothing is left there."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.bank.releasing.target import AnotherHostKey, Networks, TransferError, Unreachable
from payviox.errors import Conflict
from payviox.rails.bank import terms
from payviox.rails.protocol import Account, Finding

if TYPE_CHECKING:
    from payviox.bank.releasing.sftp import SftpFolder

CHECK_S = 25.0
"""How long all of it may take, in seconds."""

Place: TypeAlias = "Folder | SftpFolder"


async def check(account: Account, folder: Path | None, networks: Networks) -> list[Finding]:
    """The places of files and of reports, and what is wrong with them, if anything. `folder` and
    `networks` are what the installation lets businesses use."""
    way = terms.read(account.settings).release
    if way == "download":
        return [Finding("files", detail="Somebody downloads them, and uploads reports.")]
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(CHECK_S):
            for subject, place in _places(account, folder, networks):
                findings.append(await _listed(subject, place))
    except (Conflict, Unreachable) as error:
        findings.append(Finding(way, str(error)))
    except TimeoutError:
        findings.append(Finding(way, f"No answer within {CHECK_S:.0f} seconds."))
    return findings


def _places(
    account: Account, folder: Path | None, networks: Networks
) -> Iterator[tuple[str, Place]]:
    """Raises Conflict where the installation has no such folder."""
    yield "files", handing_over.target_of(account, folder, networks=networks)[1]
    reports = handing_over.reports_of(account, folder, networks=networks)
    if reports is not None:
        yield "reports", reports


async def _listed(subject: str, place: Place) -> Finding:
    """Raises Unreachable, which is so for every folder there."""
    try:
        number = len(await place.list_files())
    except AnotherHostKey as error:
        shown = None if isinstance(place, Folder) else await place.shown_key()
        if shown is None:
            raise
        instead = f"It shows {shown}: ask the bank whether that is its own."
        raise Unreachable(f"{error} {instead}") from error
    except Unreachable:
        raise
    except TransferError as error:
        return Finding(subject, f"{place.where}: {error}")
    if isinstance(place, Folder) and subject == "files" and not os.access(place.where, os.W_OK):
        return Finding(subject, f"{place.where}: nothing can be written there.")
    held = "1 file lies" if number == 1 else f"{number:,} files lie"
    return Finding(subject, detail=f"{place.where}: {held} there")
