"""The mails that the demo's mail server took, as files, from one start to the next."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

from payviox import ids

MOST = 2_000
"""The newest so many are kept."""


class Folder:
    """A file a mail, named by an id that says which is newer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, content: bytes) -> None:
        draft = self._path / f"{ids.new()}.draft"
        draft.write_bytes(content)
        draft.rename(draft.with_suffix(".eml"))
        for old in self.newest()[MOST:]:
            self._file(old).unlink(missing_ok=True)

    def newest(self, before: UUID | None = None) -> list[UUID]:
        """The ids of all, or of those before this one, the newest first."""
        every = (UUID(file.stem) for file in self._path.glob("*.eml"))
        return sorted((each for each in every if before is None or each < before), reverse=True)

    def find(self, mail_id: UUID) -> EmailMessage | None:
        try:
            content = self._file(mail_id).read_bytes()
        except FileNotFoundError:
            return None
        return message_from_bytes(content, policy=policy.default)

    def _file(self, mail_id: UUID) -> Path:
        return self._path / f"{mail_id}.eml"
