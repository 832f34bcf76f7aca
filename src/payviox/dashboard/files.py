"""A file that a form of ours sends, as the edge let it through."""

from typing import Any

from litestar.datastructures import UploadFile

from payviox.errors import BodyTooLarge, PayvioxError
from payviox.tables.cells import FileRefused
from payviox.web.context import Call
from payviox.web.request_body import REFUSED


async def read_file(request: Call, most: int) -> tuple[str, bytes]:
    """The name and content of the form's file, of so many bytes at the most. Raises FileRefused."""
    too_large = f"The file is larger than {most // 1_000_000} MB."
    state: dict[str, Any] = request.scope.get("state", {})
    refused: PayvioxError | None = state.get(REFUSED)
    if isinstance(refused, BodyTooLarge):
        raise FileRefused(too_large)
    if refused is not None:
        raise FileRefused(str(refused))
    found = (await request.form()).get("file")
    if not isinstance(found, UploadFile):
        raise FileRefused("Choose a file.")
    content = await found.read()
    if not content:
        raise FileRefused("The file is empty.")
    if len(content) > most:
        raise FileRefused(too_large)
    return found.filename, content
