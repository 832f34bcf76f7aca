"""The socket that the API listens on: where, and what a connection may cost."""

import errno
import resource
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from payviox.errors import SettingsError

CONNECTIONS = 4_096
"""Connections that one process serves at once, where it may open so many files; more wait in the
kernel."""
OTHER_FILES = 200
"""Descriptors that are not for clients: pools, rails, logs, libraries."""
BACKLOG = 2_048
"""Connections that the kernel keeps until they are accepted."""
SILENCE_S = 10
"""A peer that neither acknowledges nor reads what was sent to it for so long is gone."""

ADVICE = {
    errno.EADDRINUSE: "another process listens there. End it, or choose another port with"
    " PAYVIOX_PORT.",
    errno.EACCES: "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE). Choose another port"
    " with PAYVIOX_PORT, and let your TLS proxy listen on that one.",
    errno.EADDRNOTAVAIL: "it is no address of this machine. Set PAYVIOX_HOST to one that is, or to"
    " 0.0.0.0 for all of them.",
}


def raise_file_limit() -> None:
    """Allow this process as many open files as its hard limit does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where "unlimited" is more than the kernel gives
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    """How many connections this process may serve at once and still open its other files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(min(CONNECTIONS, soft - OTHER_FILES), 1)


def resolve(host: str) -> str:
    """The address that a name or a spelling of an address stands for. Raises SettingsError."""
    name = host.removeprefix("[").removesuffix("]")
    try:
        known = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"PAYVIOX_HOST is {host!r}, which is neither an address nor a name that this machine"
            " knows. Set it to an address of this machine, such as 127.0.0.1, or to 0.0.0.0 for"
            " all of them."
        ) from error
    return name if "%" in name else _first(known)  # a link's own address needs its link


def _first(known: Sequence[tuple[object, object, object, object, tuple[object, ...]]]) -> str:
    """The IPv4 address of a name that has both: clients on the machine try it too."""
    addresses = [str(address[0]) for *_, address in known]
    return next((address for address in addresses if ":" not in address), addresses[0])


@contextmanager
def several(first: socket.socket, number: int) -> Iterator[list[socket.socket]]:
    """So many sockets bound to the address of `first`, among which the kernel shares connections
    out evenly; elsewhere than on Linux it is `first` so many times. Raises SettingsError.

    `first` is closed where others take its place. The kernel would share the port among two parents
    as well: a name in it, which goes with its process, says that there is one already.
    """
    if sys.platform != "linux" or number == 1:
        yield [first] * number
        return
    host, port = first.getsockname()[:2]
    with ExitStack() as stack:
        name = stack.enter_context(socket.socket(socket.AF_UNIX))
        try:
            name.bind(f"\0payviox {host} {port}")
        except OSError as error:
            raise _refused(host, port, error) from error
        first.close()
        yield [stack.enter_context(bind(host, port, shared=True)) for _ in range(number)]


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound to an address and not listening yet; a `shared` one beside others of this
    user. Raises SettingsError.

    What is set here holds for every connection that is accepted from it.
    """
    bound = None
    try:
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_S * 1000)
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENCE_S)
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE_S // 2)
        bound.bind((host, port))
    except OSError as error:
        if bound is not None:
            bound.close()
        raise _refused(host, port, error) from error
    return bound


def listen(bound: socket.socket) -> None:
    """Let connections come; they wait in the kernel until somebody accepts them. Raises
    SettingsError where another process began to listen there meanwhile."""
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _refused(host, port, error) from error


def shut(listener: socket.socket) -> None:
    """Take no more connections, until `listen`. What waits unread is reset, also where another
    process has the socket. Linux alone; the port must have been given by its number."""
    with suppress(OSError):  # it does not listen, or another process has shut it
        listener.shutdown(socket.SHUT_RD)


def _refused(host: str, port: int, error: OSError) -> SettingsError:
    advice = ADVICE.get(error.errno or 0, f"{error.strerror}.")
    return SettingsError(f"Cannot listen on {host} port {port}: {advice}")
