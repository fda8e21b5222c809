"""Image files: what their bytes say they are, whether they can be read to the end, and their pixels.

A picture is looked at as a person sees it: turned as its EXIF orientation says, on white where it is transparent.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engram.lazy import need

if TYPE_CHECKING:
    from PIL.Image import Image

EXTRA = "vision"
KNOWN = "PNG, JPEG, WebP, BMP, GIF or TIFF"
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
# 200 MB as red, green and blue. A few kilobytes can claim to be any number of pixels, and are believed by no one.
MOST_PIXELS = 64 * 2**20
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values that swap width and height
DEEP = ("I;16", "I;16B", "I;16L", "I;16N")


def is_picture(head: bytes) -> bool:
    """Tell by its first bytes whether a file is one of the formats that are read.

    >>> is_picture(b"\\x89PNG\\r\\n\\x1a\\n"), is_picture(b"%PDF-1.7")
    (True, False)
    """
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    tiff = head[:4] in (b"II*\0", b"MM\0*")
    return webp or tiff or head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF87a", b"GIF89a"))


def facts(content: bytes) -> dict[str, float]:
    """Return ``width`` and ``height`` in pixels, as the picture is seen, and ``channels``, as the head says.

    Raises ValueError, in words, for what is no image file, for one that moves or has several pages, and for one of more
    than 64 million pixels.
    """
    with _opened(content) as image:
        return _facts(image)


def check(content: bytes) -> dict[str, float]:
    """Return the facts of an image file that was decoded to its end.

    Raises ValueError, in words, for what `facts` refuses and for a file that is cut off or can't be decoded.
    """
    with _opened(content) as image:
        found = _facts(image)
        image.load()
        return found


def decode(content: bytes) -> Image:
    """Return a picture as red, green and blue, turned the way it is seen; transparent parts are white.

    Raises ValueError, in words, for what `check` refuses.
    """
    from PIL import Image, ImageOps

    with _opened(content) as image:
        image.load()
        turned = ImageOps.exif_transpose(image)
        if turned.mode in DEEP:
            import numpy as np

            return Image.fromarray((np.asarray(turned).astype(np.uint16) >> 8).astype(np.uint8)).convert("RGB")
        if not turned.has_transparency_data:
            return turned.convert("RGB")
        clear = turned.convert("RGBA")
        ground = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(ground, clear).convert("RGB")


def _facts(image: Any) -> dict[str, float]:
    width, height = image.size
    if image.getexif().get(ORIENTATION) in SIDEWAYS:
        width, height = height, width
    return {"channels": len(image.getbands()), "height": height, "width": width}


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    """Open a file for its head alone, and say in words whatever its decoder says of it until it is closed."""
    pillow: Any = need("PIL.Image", extra=EXTRA, why="to read image files")
    if not is_picture(content[:16]):
        raise ValueError(f"it is no image file that is read here ({KNOWN})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong with a picture is said below, and not on the terminal
        try:
            with pillow.open(io.BytesIO(content), formats=FORMATS) as image:
                _refuse(image)
                yield image
        except pillow.DecompressionBombError:
            raise ValueError(_too_large("more than that")) from None
        except _Refused as refused:
            raise ValueError(str(refused)) from None
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(_said(error)) from None


class _Refused(Exception):
    """A picture that its decoder would take, and that is not taken here."""


def _refuse(image: Any) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _Refused(_too_large(f"{width:,} × {height:,}"))
    if image.format != "MPO" and getattr(image, "is_animated", False):  # a phone's JPEG may carry a second picture
        raise _Refused(f"it holds {image.n_frames:,} pictures, and one is read")
    if image.mode in ("I", "F"):
        raise _Refused("its pixels have 32 bits, and at most 16 are read")


def _too_large(size: str) -> str:
    return f"it claims {size} pixels, and at most {MOST_PIXELS:,} are read"


def _said(error: Exception) -> str:
    told = str(error).strip().rstrip(".")
    if "truncated" in told.lower() or isinstance(error, EOFError):
        return "the file is cut off"
    if "identify" in told:
        return "it can't be decoded"
    return f"it can't be decoded ({told[:120]})" if told else "it can't be decoded"
