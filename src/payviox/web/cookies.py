"""Cookies of pages: bound to the host where the site is served by https, read by no script."""

from litestar.datastructures import Cookie

from payviox.web.context import Call, services


def is_https(request: Call) -> bool:
    """Whether people reach the site by https."""
    return services(request).settings.public_url.startswith("https:")


def cookie_name(request: Call, name: str) -> str:
    """A cookie's full name: bound to the host where the site is served by https."""
    return f"__Host-{name}" if is_https(request) else name


def cookie_of(request: Call, name: str, value: str, *, max_age: int | None = None) -> Cookie:
    """A cookie which no script reads and no other site sends; without `max_age` it ends with the
    browser's session."""
    return Cookie(
        cookie_name(request, name),
        value=value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_https(request),
        max_age=max_age,
    )
