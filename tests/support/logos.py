"""Pictures for tests, as somebody would send them for a logo."""

import io
import random
import struct
import zlib

from PIL import Image, ImageDraw

INK = "#123a5c"


def drawing(size: tuple[int, int] = (900, 300), ink: str = INK) -> Image.Image:
    """A word-like shape on a transparent ground."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((20, 20, size[1] - 20, size[1] - 20), fill=ink)
    draw.rectangle((size[1] + 20, size[1] // 3, size[0] - 20, size[1] * 2 // 3), fill=ink)
    return picture


def noise(size: tuple[int, int]) -> Image.Image:
    """What no format makes smaller."""
    dice = random.Random(7)
    return Image.frombytes("RGB", size, dice.randbytes(3 * size[0] * size[1]))


def file_of(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    picture.save(buffer := io.BytesIO(), kind, **options)
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def bomb(side: int) -> bytes:
    """A PNG of a few bytes whose header says that it is so large."""
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(9)))
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
