"""Forms of pages: who may send one, and its fields. A form is sent by a page of ours and by no
other: browsers say where a request comes from."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from payviox.errors import Forbidden, Malformed
from payviox.settings import Settings
from payviox.web.context import Call

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 200


class FromElsewhere(Forbidden):
    message = "This form was not sent from a page of this site. Open the page again and repeat it."


def require_same_origin(request: Call, settings: Settings) -> None:
    """Raise FromElsewhere unless the browser says that one of our pages sent this."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise FromElsewhere
        return
    origin = urlsplit(request.headers.get("origin", ""))
    ours = urlsplit(settings.public_url)
    if (origin.scheme, origin.netloc) != (ours.scheme, ours.netloc):
        raise FromElsewhere


async def read_form(request: Call) -> Mapping[str, str]:
    """The fields of a form, the last of each name. Raises Malformed."""
    try:
        pairs = parse_qsl(
            (await request.body()).decode(),
            keep_blank_values=True,
            strict_parsing=False,
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise Malformed("The form could not be read") from error
    return dict(pairs)
