"""`/redeem/logo/<digest>`: a business's logo. Its address changes with it, so browsers keep it."""

from typing import Any

from litestar import Response, get

from payviox.errors import NotFound
from payviox.recipient_mails import logo
from payviox.web.assets import KEEP
from payviox.web.context import Call, services
from payviox.web.own_hosts import owner_of


@get(f"{logo.PATH}/{{digest:str}}", include_in_schema=False)
async def get_logo(request: Call) -> Response[Any]:
    """The picture; on a business's own host, that of no other. Raises NotFound."""
    owner, digest = owner_of(request), str(request.path_params["digest"])
    business_id = owner.business_id if owner else None
    content = await services(request).database.fetch(logo.find, digest, business_id)
    if content is None:
        raise NotFound
    return Response(content, media_type="image/png", headers={"Cache-Control": KEEP})


ROUTES = [get_logo]
