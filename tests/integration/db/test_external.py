"""A database of the operator's own, as a process comes to it."""

import subprocess
import sys
from pathlib import Path

from support import live
from support.databases import Urls
from support.machine import stretch

LOOKING = """
import sys

from payviox import installation, settings

with installation.database_urls(settings.load()):
    print(*sys.modules)
"""


def test_who_only_uses_a_database_loads_nothing_that_migrates_one(
    urls: Urls, tmp_path: Path
) -> None:
    program = tmp_path / "looking.py"
    program.write_text(LOOKING)
    given = live.environment(tmp_path / "home", urls.application)
    ended = subprocess.run(  # in a new Python: others have everything loaded
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        env=given,
        timeout=stretch(60),
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split())
    assert "payviox.db.login" in loaded
    assert not loaded & {"alembic", "sqlalchemy", "payviox.db.migrate"}
