"""What is read of a picture that somebody sends for a logo, and what is made of it."""

import io

import pytest
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from payviox.recipient_mails import logo_reader
from payviox.recipient_mails.logo_reader import MOST_BYTES, MOST_PIXELS, SIZES
from payviox.tables import process
from payviox.tables.cells import FileRefused
from support.logos import bomb, drawing, file_of, noise, opened


def read(content: bytes) -> bytes:
    return logo_reader.read(io.BytesIO(content))


def refusal(content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        read(content)
    return str(refused.value)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_picture_becomes_a_small_png_with_a_narrow_margin(kind: str) -> None:
    made = opened(read(file_of(drawing(), kind)))
    assert made.format == "PNG"
    assert made.size == (350, 120)
    left, top, right, bottom = made.convert("RGBA").getchannel("A").getbbox()
    assert 6 <= left == top <= 10
    assert 6 <= 350 - right == 120 - bottom <= 10


def test_nothing_else_of_the_file_is_kept() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Author", "somebody at home")
    made = read(file_of(drawing(), pnginfo=note))
    assert b"somebody" not in made
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif[0x0112] = 6
    photo = file_of(drawing((900, 300)).convert("RGB"), "JPEG", exif=exif.tobytes())
    assert b"taken at home" in photo
    made = read(photo)
    assert b"home" not in made
    turned = opened(made)
    assert turned.height > turned.width, "as the camera says that it is to be turned"
    assert not turned.getexif()


def test_colors_of_another_space_are_those_that_a_screen_shows() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = opened(read(file_of(drawing(), icc_profile=profile)))
    assert "icc_profile" not in made.info
    broken = opened(read(file_of(drawing(), icc_profile=b"nonsense" * 40)))
    assert broken.size == made.size


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_whatever_it_shows_it_is_light(kind: str) -> None:
    made = read(file_of(noise((1_200, 300)), kind))
    assert len(made) <= MOST_BYTES
    assert opened(made).width >= SIZES[-1][0]


def test_white_on_transparent_gets_a_dark_ground_and_nothing_else_does() -> None:
    white = opened(read(file_of(drawing(ink="#ffffff")))).convert("RGBA")
    assert white.getpixel((1, 1)) == (0x1B, 0x1F, 0x27, 255)
    opaque = opened(read(file_of(Image.new("RGB", (400, 200), "white")))).convert("RGBA")
    assert opaque.getpixel((1, 1)) == (255, 255, 255, 255)


@pytest.mark.parametrize(
    "start", [b"", b"\xef\xbb\xbf", b"\n  ", b"<?xml version='1.0'?>\n<!-- x -->"]
)
def test_an_svg_is_refused_by_name(start: bytes) -> None:
    assert "SVG" in refusal(start + b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_what_moves_is_refused_by_name(kind: str) -> None:
    frames = [drawing(), drawing(ink="#ff0000")]
    assert "moves" in refusal(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [int(MOST_PIXELS**0.5) + 1, 20_000, 2**31 - 1])
def test_a_picture_that_would_unpack_to_too_much_is_never_decoded(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded.append)
    assert "million pixels" in refusal(bomb(side))
    assert decoded == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"%PDF-1.7",
        b"<html>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        file_of(drawing())[:-200],
        file_of(noise((300, 300)).convert("L"), "TIFF"),
        file_of(noise((300, 300)), "BMP"),
        file_of(noise((300, 300)), "PPM"),
    ],
    ids=lambda content: content[:4].hex(),
)
def test_what_is_no_picture_of_these_kinds_is_refused(content: bytes) -> None:
    assert "no picture that can be read" in refusal(content)


def test_what_shows_nothing_or_next_to_nothing_is_refused() -> None:
    assert "nothing to be seen" in refusal(file_of(Image.new("RGBA", (400, 400), (1, 2, 3, 0))))
    assert "smaller than" in refusal(file_of(noise((31, 20))))


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "with a profile", "turned"])
async def test_its_process_needs_nothing_that_it_cannot_open(kind: str) -> None:
    picture = (
        drawing().convert("RGB") if kind in ("JPEG", "with a profile", "turned") else drawing()
    )
    if kind == "with a profile":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        content = file_of(picture.convert("CMYK"), "JPEG", icc_profile=profile)
    elif kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        content = file_of(picture, "JPEG", exif=exif)
    else:
        content = file_of(picture, kind)
    [frame] = [
        each
        async for each in process.read_frames("payviox.recipient_mails.logo_reader", "", content)
    ]
    assert frame == read(content)
