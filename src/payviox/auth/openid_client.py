"""A provider's client by Authlib: imported where somebody signs in by one, for it takes a tenth of
a second, which web processes need not take at each start."""

import httpx2
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.base_client.async_app import (  # type: ignore[import-untyped]
    AsyncOAuth2Mixin,
)
from authlib.integrations.base_client.async_openid import (  # type: ignore[import-untyped]
    AsyncOpenIDMixin,
)
from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
    AsyncOAuth2Client,
)
from joserfc.errors import JoseError

FAILED: tuple[type[Exception], ...] = (AuthlibBaseError, RuntimeError)
"""It could not be sent there."""
REFUSED: tuple[type[Exception], ...] = (
    AuthlibBaseError,
    JoseError,
    ValueError,
    KeyError,
    TypeError,
)
"""What came back is not what was asked for."""
AWAY: tuple[type[Exception], ...] = (httpx2.HTTPError, RuntimeError)
UNREADABLE: tuple[type[Exception], ...] = (
    httpx2.HTTPError,
    ValueError,
    TypeError,
    RecursionError,
)
"""It does not describe itself, or in values nested without end."""
TRUSTED = httpx2.create_ssl_context()
"""The system's authorities, read once: a provider's three calls would each read them anew, while
everybody else waits for 0.03 s."""


class App(AsyncOAuth2Mixin, AsyncOpenIDMixin):  # type: ignore[misc]  # Authlib has no types
    client_cls = AsyncOAuth2Client
