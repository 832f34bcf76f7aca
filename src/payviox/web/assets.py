"""Style, scripts, icons and the font of every page: read at start, compressed once, served under an
address that changes with any of them, so that browsers keep them for good."""

import functools
import gzip
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException

from payviox.web.context import Call

HERE = Path(__file__).parent
STYLES = ("tokens", "base", "layout", "parts")
"""The style sheets of every page, in the order of their layers; joined they are one file."""

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
STYLE_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
SCRIPT_COMMENT = re.compile(rb"^\s*//.*\n", re.MULTILINE)
BLANKS = re.compile(rb"\s+")
KEEP = "public, max-age=31536000, immutable"


class MissingAssets(RuntimeError):
    """The vendor files were not made: `make` and pip make them when Payviox is installed."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: as it is and, where that is shorter, compressed."""

    content: bytes = field(repr=False)
    compressed: bytes | None = field(repr=False)
    media_type: str


class Assets(msgspec.Struct, frozen=True):
    """Every file by its name, and the version that stands in their addresses."""

    files: dict[str, Asset]
    icons: frozenset[str]
    version: str

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError for one that is not there: a template that names
        it must fail at once."""
        if name not in self.files:
            raise KeyError(name)
        return f"/assets/{self.version}/{name}"


@functools.cache
def load() -> Assets:
    """Read everything, once. Raises MissingAssets."""
    vendor = HERE / "vendor"
    if not (vendor / ".stamp").exists():
        raise MissingAssets("Run `python frontend/vendor.py` in the checkout.")
    contents = {"style.css": b"\n".join(_read("css", f"{name}.css") for name in STYLES)}
    contents["dashboard.css"] = _read("css", "dashboard.css")
    contents |= {
        f"js/{path.name}": path.read_bytes() for path in sorted((HERE / "js").glob("*.js"))
    }
    contents |= {
        path.name: path.read_bytes() for path in sorted(vendor.iterdir()) if path.suffix in TYPES
    }
    contents = {name: _without_comments(name, content) for name, content in contents.items()}
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    sprite = contents["icons.svg"].decode()
    icons = frozenset(piece.partition('"')[0] for piece in sprite.split('<symbol id="')[1:])
    files = {name: _asset(name, content) for name, content in contents.items()}
    return Assets(files, icons, digest.hexdigest()[:16])


def _read(folder: str, name: str) -> bytes:
    return (HERE / folder / name).read_bytes()


def _without_comments(name: str, content: bytes) -> bytes:
    """Style and scripts as browsers need them: people read them in the checkout."""
    if name.endswith(".css"):
        return BLANKS.sub(b" ", STYLE_COMMENT.sub(b"", content))
    return SCRIPT_COMMENT.sub(b"", content) if name.startswith("js/") else content


def _asset(name: str, content: bytes) -> Asset:
    compressed = gzip.compress(content, 9, mtime=0)
    shorter = compressed if len(compressed) < len(content) else None
    return Asset(content, shorter, TYPES[Path(name).suffix])


@get("/assets/{version:str}/{name:path}", include_in_schema=False)
async def get_asset(request: Call) -> Response[bytes]:
    """One file; that of another version is gone."""
    assets: Assets = request.app.state.pages.assets
    name = str(request.path_params["name"]).lstrip("/")
    asset = assets.files.get(name)
    if asset is None or request.path_params["version"] != assets.version:
        raise NotFoundException
    headers = {"Cache-Control": KEEP, "Vary": "Accept-Encoding"}
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


ROUTES = [get_asset]
