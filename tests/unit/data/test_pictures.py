"""Image files: what is read of them, and what is refused in words."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support import pictures

from engram.data import picture

DISC = pictures.shape("disc", (20, 30), 0)[0]


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_each_format_is_known_by_its_bytes_and_read(kind):
    content = saved(Image.fromarray(DISC), kind)
    assert picture.check(content)["width"] == 30
    assert picture.facts(content)["height"] == 20
    assert picture.decode(content).size == (30, 20)
    assert picture.decode(content).mode == "RGB"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_one_that_is_cut_off_is_refused_and_never_half_read(kind, share):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    content = saved(Image.fromarray(noise), kind)
    with pytest.raises(ValueError, match=r"cut off|can't be decoded"):
        picture.check(content[: int(len(content) * share)])


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"BM" + b"\0" * 40])
def test_what_is_no_picture_is_said_in_words(content):
    with pytest.raises(ValueError, match=r"no image file|cut off|can't be decoded"):
        picture.check(content)


def test_a_small_file_that_claims_millions_of_pixels_is_refused_before_they_are_made():
    def part(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    for side in (20_000, 60_000):
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0" * 9)) + part(b"IEND", b"")
        with pytest.raises(ValueError, match="pixels, and at most"):
            picture.facts(bomb)


def test_a_picture_is_seen_as_its_orientation_says():
    exif = Image.Exif()
    exif[picture.ORIENTATION] = 6
    content = saved(Image.fromarray(DISC), "JPEG", exif=exif)
    assert (picture.facts(content)["width"], picture.facts(content)["height"]) == (20, 30)
    assert picture.decode(content).size == (20, 30)


def test_pictures_that_move_or_have_several_pages_are_refused():
    frames = [Image.fromarray(DISC), Image.fromarray(255 - DISC)]
    for kind in ("GIF", "WEBP", "TIFF"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        with pytest.raises(ValueError, match="holds 2 pictures"):
            picture.facts(content)


def test_transparent_parts_are_white_and_sixteen_bits_are_brought_to_eight():
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert picture.decode(saved(clear, "PNG")).getpixel((0, 0)) == (255, 255, 255)
    deep = Image.fromarray(np.full((2, 2), 0x8000, dtype=np.uint16))
    assert picture.decode(saved(deep, "PNG")).getpixel((0, 0)) == (128, 128, 128)
    with pytest.raises(ValueError, match="32 bits"):
        picture.check(saved(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "TIFF"))
