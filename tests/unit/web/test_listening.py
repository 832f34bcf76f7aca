"""Where the API listens, and how many connections it takes."""

import resource
import socket
from collections.abc import Iterator

import pytest

from payviox.errors import SettingsError
from payviox.web import listening
from payviox.web.listening import bind, most_connections, raise_file_limit, resolve, several


@pytest.fixture
def file_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::", "::"),
    ],
)
def test_names_and_spellings_of_an_address_are_resolved(host: str, address: str) -> None:
    assert resolve(host) == address


@pytest.mark.parametrize("host", ["300.1.1.1", "no-such-host.invalid", "a b", "[", "x" * 300])
def test_what_is_no_address_is_refused_by_name(host: str) -> None:
    with pytest.raises(SettingsError, match="neither an address nor a name"):
        resolve(host)


def test_a_port_in_use_says_that_somebody_listens_there() -> None:
    with bind("127.0.0.1", 0) as other:
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match="another process listens there"):
            bind("127.0.0.1", port)


def test_of_two_that_share_a_port_out_among_their_processes_one_is_refused() -> None:
    """Both had looked before either listened, as where both start a database first."""
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with (
            bind("127.0.0.1", port) as second,
            several(first, 2),
            pytest.raises(SettingsError, match="another process listens there"),
            several(second, 2),
        ):
            pass


def test_an_address_of_another_machine_says_so_and_ends_nobody() -> None:
    with pytest.raises(SettingsError, match="no address of this machine") as refused:
        bind("192.0.2.1", 0)
    assert "End" not in str(refused.value)


def test_a_privileged_port_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for another user than root, who may."""

    def refused(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.bind", refused)
    with pytest.raises(SettingsError, match="below 1024 need a privilege") as said:
        bind("127.0.0.1", 80)
    assert "End" not in str(said.value)


def test_a_process_may_open_as_many_files_as_the_system_lets_it(file_limit: None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    assert most_connections() == 300 - listening.OTHER_FILES

    raise_file_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    assert most_connections() <= listening.CONNECTIONS


def test_with_few_files_there_are_few_connections_and_the_rest_stays_free(file_limit: None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    assert most_connections() == 1
