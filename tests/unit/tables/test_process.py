"""The process that reads somebody's file."""

import subprocess
import sys

import pytest

from payviox.tables import process
from payviox.tables.cells import FileRefused

ATTEMPTS = {
    "a file": "open('/etc/hostname')",
    "a connection": "import _socket; _socket.socket()",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_once_it_is_closed_off_it_opens_nothing(attempt: str) -> None:
    act = ATTEMPTS[attempt]
    before = f"import _socket\nfrom payviox.tables import process\n{act}\n"
    closed = f"process.close_off()\ntry:\n    {act}\nexcept OSError:\n    print('refused')\n"
    ended = subprocess.run(
        [sys.executable, "-c", before + closed], capture_output=True, check=False, text=True
    )
    assert ended.stdout == "refused\n", ended.stderr


async def frames_of(monkeypatch: pytest.MonkeyPatch, most: int) -> list[bytes]:
    monkeypatch.setattr(process, "MOST_FRAME", most)
    return [
        frame async for frame in process.read_frames("payviox.recipient_mails.logo_reader", "", b"")
    ]


@pytest.mark.anyio
async def test_a_frame_that_claims_to_be_huge_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(await frames_of(monkeypatch, 1_000)) == 1
    with pytest.raises(FileRefused):
        await frames_of(monkeypatch, 8)
