"""What a command loads before it does anything, by module names: no time is measured."""

import subprocess
import sys

import click
import pytest

from payviox.cli.groups import Group, Part, first_sentence
from payviox.cli.main import main

RAILS = frozenset({"aiohttp", "Crypto.Hash.keccak", "eth_account", "payviox.wiring", "web3"})
PRINTING = frozenset({"rich.console", "rich.progress", "structlog"})
SERVING = frozenset({"granian", "jinja2", "litestar", "payviox.app", "payviox.worker"})
MIGRATING = frozenset({"alembic", "sqlalchemy"})
QUEUE = frozenset({"procrastinate"})
TRACES = frozenset({"opentelemetry", "google.protobuf"})
RARELY = frozenset(
    {"authlib", "Crypto", "dns", "httpx2", "joserfc", "rich", "webauthn", "xlsxwriter"}
)
"""A third of what a web process would load, for a few of its pages, if for any."""
PICTURES = frozenset({"PIL"})
"""Decoded in a process of their own."""
DECIDING = frozenset(
    {
        "argon2",
        "payviox.auth.sessions",
        "payviox.giftcards.model",
        "payviox.rail_accounts.model",
        "payviox.rails.protocol",
        "payviox.reporting.order_timeline",
        "payviox.webhooks.model",
        "payviox.withdrawals.service",
    }
)
"""What acts on orders and tells their story: a list of them is read without it."""
NEVER = RAILS | PRINTING | SERVING | MIGRATING | QUEUE | PICTURES | TRACES

LONG_RUNNING = {"payviox.cli.demo.command", "payviox.cli.serve"}
"""They log and load everything anyway."""


def loaded(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after this statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(ended.stdout.splitlines()[-1].split())


def test_help_loads_no_command_and_no_database_driver() -> None:
    statement = (
        "from payviox.cli.main import main\nassert main(['--help'], standalone_mode=False) == 0"
    )
    modules = loaded(statement)
    assert not modules & (NEVER | {"psycopg", "asyncio"})
    assert {name for name in modules if name.startswith("payviox.cli.")} == {
        "payviox.cli.exit_status",
        "payviox.cli.groups",
        "payviox.cli.main",
    }


def test_no_command_loads_anything_heavy_that_it_may_not_use() -> None:
    """All in one interpreter: what one loads, the others would have had to load too."""
    names = sorted({part.place.partition(":")[0] for part in every_part(main)} - LONG_RUNNING)
    assert {"payviox.cli.order.settle", "payviox.cli.users"} < set(names)
    assert not loaded(f"import {', '.join(names)}") & NEVER


def every_part(group: Group) -> list[Part]:
    """What is imported when it is used, of this group and of those below it."""
    parts = list(group.parts.values())
    groups = [command for part in parts if isinstance(command := part.load(), Group)]
    return [*parts, *(part for below in groups for part in every_part(below))]


def test_a_list_of_orders_loads_nothing_that_decides_on_them() -> None:
    listing = "import payviox.cli.main, payviox.cli.order.commands, payviox.cli.order.listing"
    modules = loaded(listing)
    assert "payviox.withdrawals.listing" in modules
    assert not modules & (NEVER | DECIDING)


def every_command() -> list[tuple[str, click.Command]]:
    """Every command and group by its whole name."""
    found: list[tuple[str, click.Command]] = []

    def walk(name: str, command: click.Command) -> None:
        found.append((name, command))
        if isinstance(command, click.Group):
            context = click.Context(command)
            for part in command.list_commands(context):
                below = command.get_command(context, part)
                assert below is not None
                walk(f"{name} {part}".strip(), below)

    walk("payviox", main)
    return found


@pytest.mark.parametrize("part", every_part(main), ids=lambda part: part.place)
def test_the_help_of_a_command_that_is_not_loaded_is_its_own_first_sentence(part: Part) -> None:
    assert part.help == first_sentence(part.load())


def test_no_help_cuts_a_sentence() -> None:
    for name, command in every_command():
        if isinstance(command, click.Group):
            text = command.get_help(click.Context(command, info_name=name))
            assert "..." not in text.partition("Commands:")[2], text


def test_processes_that_send_no_traces_load_nothing_of_them_and_have_no_thread_for_them() -> None:
    statement = (
        "import threading, payviox.app, payviox.worker\n"
        "from payviox import tracing\n"
        "with tracing.sending(None, 'web'), tracing.span('work') as span:\n"
        "    assert (span, span.context) == (tracing.NOTHING, None)\n"
        "    assert threading.active_count() == 1"
    )
    modules = loaded(statement)
    assert "payviox.tracing" in modules
    assert not modules & (TRACES | {"payviox.otlp"})


def test_what_talks_sftp_is_loaded_by_whose_bank_is_handed_files_that_way() -> None:
    assert "asyncssh" not in loaded("import payviox.app, payviox.worker, payviox.cli.bank")


def test_a_web_process_loads_what_few_pages_need_once_somebody_is_there() -> None:
    assert not loaded("import payviox.app, payviox.wiring") & RARELY


def test_a_process_that_serves_loads_nothing_to_print_with() -> None:
    assert not loaded("import payviox.worker, payviox.wiring, payviox.logs") & RARELY
    assert "rich" not in loaded("import payviox.cli.main, payviox.cli.serve")
    assert "rich.console" in loaded("import payviox.cli.serve, rich.console"), "who wants it has it"
