"""Lighthouse's scores of pages on its phone with a slow connection, where `lighthouse` (npm has it)
and Chromium are on the PATH."""

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Mapping

CATEGORIES = ("performance", "accessibility")
ROUNDS = 3


def scores(pages: Mapping[str, str], cookie: str) -> dict[str, dict[str, float]]:
    """Of each page, by its name, the median of some rounds for somebody with this cookie, 0 to 100;
    nothing where the programs are missing."""
    program = shutil.which("lighthouse")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None or browser is None:
        return {}
    return {name: _median(program, browser, page, cookie) for name, page in pages.items()}


def _median(program: str, browser: str, page: str, cookie: str) -> dict[str, float]:
    rounds = [_scores(program, browser, page, cookie) for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in CATEGORIES}


def _scores(program: str, browser: str, page: str, cookie: str) -> dict[str, float]:
    answer = subprocess.run(
        [
            program,
            page,
            "--quiet",
            "--output=json",
            f"--only-categories={','.join(CATEGORIES)}",
            f"--extra-headers={json.dumps({'Cookie': cookie})}",
            "--chrome-flags=--headless --no-sandbox --disable-background-networking",
        ],
        env=os.environ | {"CHROME_PATH": browser},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(f"Lighthouse did not look at {page}: {answer.stderr[-500:]}")
    categories = json.loads(answer.stdout)["categories"]
    return {name: 100 * categories[name]["score"] for name in CATEGORIES}
