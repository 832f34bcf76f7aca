"""A password that somebody chose on a page: hashed beside the event loop, a few at once."""

import asyncio
from collections.abc import Mapping

from payviox.auth.passwords import hash_password
from payviox.web.context import Call, services


async def hash_typed(request: Call, form: Mapping[str, str], email: str) -> str:
    """What is stored in place of the field *Password*. Raises FieldErrors, and Busy where too many
    are hashed already."""
    async with services(request).sign_ins.enter():
        return await asyncio.to_thread(hash_password, form.get("password", ""), email)
