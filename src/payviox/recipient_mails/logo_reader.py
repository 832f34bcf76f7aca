"""The process that reads one picture, bounded in memory and time, which can open nothing of the
installation's: `python -m payviox.recipient_mails.logo_reader < file`. It writes one frame: the
logo as PNG, or why there is none."""

import contextlib
import io
from typing import BinaryIO

from PIL import Image, ImageCms, ImageOps

from payviox.tables import process
from payviox.tables.cells import FileRefused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MOST_PIXELS = 16_000_000
"""Of the picture that was sent, by its header: nothing larger is decoded."""
LEAST_SIDE = 32
SIZES = ((480, 120), (320, 80), (240, 60), (160, 40))
"""Pixels that a logo may have, the largest first that is light enough: twice what a page shows."""
MOST_BYTES = 12_000
"""Of the logo, as the database bounds it."""
OPAQUE = 255
WHITE = 225
"""From here on grey is as good as white, of 255."""
DARK = "#1b1f27"
"""The ground of a logo that is white itself."""
BLANKS = b"\xef\xbb\xbf \t\r\n"

SVG = (
    "This is an SVG, which can hold scripts and load what it likes. Save the picture as PNG, at"
    " least 480 pixels wide."
)
ANIMATED = "This picture moves. Save one still picture of it as PNG."
TOO_MANY = f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels. Make it smaller."
TOO_SMALL = f"The picture is smaller than {LEAST_SIDE} pixels. Send a larger one."
EMPTY = "There is nothing to be seen in this picture."
UNREADABLE = "This is no picture that can be read. Send a PNG, JPEG, WebP or GIF."

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def read(file: BinaryIO) -> bytes:
    """The picture as a logo, a PNG of MOST_BYTES at the most. Raises FileRefused."""
    beginning = file.read(1_000).lstrip(BLANKS).lower()
    file.seek(0)
    if beginning.startswith(b"<") and b"<svg" in beginning:
        raise FileRefused(SVG)
    try:
        with Image.open(file, formats=FORMATS) as image:
            _check(image)
            picture = _cropped(_in_srgb(ImageOps.exif_transpose(image)))
    except Image.DecompressionBombError as error:
        raise FileRefused(TOO_MANY) from error
    except (FileRefused, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever a broken file makes them stumble over
        raise FileRefused(UNREADABLE) from error
    return _written(_with_margin(picture))


def _check(image: Image.Image) -> None:
    """By the file's header, before anything is decoded. A phone's JPEG with a second view in it
    (MPO) does not move."""
    if image.width * image.height > MOST_PIXELS:
        raise FileRefused(TOO_MANY)
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise FileRefused(ANIMATED)


def _in_srgb(image: Image.Image) -> Image.Image:
    """In the colors that a screen shows where a file says nothing of them, with transparency."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError):  # a broken profile says nothing
            image = (
                ImageCms.profileToProfile(
                    image,
                    io.BytesIO(profile),
                    ImageCms.createProfile("sRGB"),
                    outputMode="RGBA" if image.mode == "RGBA" else "RGB",
                )
                or image
            )
    return image.convert("RGBA")


def _cropped(picture: Image.Image) -> Image.Image:
    """Without transparent margins."""
    box = picture.getbbox()
    if box is None:
        raise FileRefused(EMPTY)
    cropped = picture.crop(box)
    if max(cropped.size) < LEAST_SIDE:
        raise FileRefused(TOO_SMALL)
    return cropped


def _with_margin(picture: Image.Image) -> Image.Image:
    """What is transparent gets a margin, since pages put white behind it in the dark. Where it is
    mostly white it was made for a dark ground, and gets that, too."""
    alpha = picture.getchannel("A")
    if alpha.getextrema()[0] == OPAQUE:
        return picture
    seen = picture.convert("L").histogram(alpha.point(lambda value: OPAQUE if value > 127 else 0))
    is_white = sum(seen[WHITE:]) * 3 >= sum(seen)
    margin = max(4, picture.height // 10)
    size = (picture.width + 2 * margin, picture.height + 2 * margin)
    ground = Image.new("RGBA", size, DARK if is_white else (0, 0, 0, 0))
    ground.alpha_composite(picture, (margin, margin))
    return ground


def _written(picture: Image.Image) -> bytes:
    for size in SIZES:
        small = picture.copy()
        small.thumbnail(size, Image.Resampling.LANCZOS)
        if small.getchannel("A").getextrema()[0] == OPAQUE:
            small = small.convert("RGB")
        for each in (small, small.quantize(method=Image.Quantize.FASTOCTREE)):
            content = _png(each)
            if len(content) <= MOST_BYTES:
                return content
    raise FileRefused(UNREADABLE)


def _png(picture: Image.Image) -> bytes:
    picture.info.clear()
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    process.bound()
    Image.init()  # imports what decodes
    process.close_off()
    try:
        with open(0, "rb", closefd=False) as file:  # a file descriptor
            process.write(read(file))
    except FileRefused as error:
        process.write(str(error).encode())
    except MemoryError:
        process.write(TOO_MANY.encode())


if __name__ == "__main__":
    main()
