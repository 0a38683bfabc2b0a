"""Picture files: read one whatever its kind, and say plainly what is wrong with it."""

import contextlib
import importlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tlkit.data import depths, unreadable
from tlkit.data.depths import Depth, Reading
from tlkit.disk import limits

__all__: list[str] = []

PHOTOS = 1  # raised when any file is read as another picture: what was decoded before is not used then
SMALLEST, LARGEST = 8, 50_000_000  # pixels: the shorter side, and the whole picture
LARGEST_FILE = 10**9  # bytes
_BAND = 512  # rows
# Those that can hold photos. Not among them: EPS, which Pillow hands to another program.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "ICO", "HEIF")
_ORIENTATION = 0x0112  # the tag of EXIF that says which side was up
_NO_VALUE = "none of its pixels has a value"
_MARGIN = 0.0625  # of each side; what is left, 7/8, is the share that ImageNet's evaluation keeps


class BadPicture(ValueError):
    """A file that can not be used as a picture; its message says why."""


@dataclass(frozen=True)
class Look:
    """What was seen when a picture was opened.

    Attributes
    ----------
    depth : Depth or None
        What it holds if it has more than 8 bits.
    pages : bool
        Whether there is more than the one page or frame that is read.
    size : (int, int)
        Its sides in pixels.
    squares : tuple of uint8 arrays (3, s, s)
        The picture as ``read_picture`` gives it, in each of the sizes that were asked for. None of a deep picture: it
        is read by a rule that is known when all of its set were seen.
    """

    depth: Depth | None = None
    pages: bool = False
    size: tuple[int, int] = (0, 0)
    squares: tuple[np.ndarray, ...] = ()


def read_picture(path: Path, size: int, reading: Reading | None = None) -> np.ndarray:
    """Read a picture as uint8 ``(3, size, size)``: turned upright, made square (see ``as_square``), scaled smoothly.

    The first frame of an animation is taken, transparency becomes white.

    Parameters
    ----------
    path : Path
    size : int
    reading : Reading, optional
        What becomes of the borders, of values of more than 8 bits and of floats: that of a set
        (``split.reading``) reads a new picture as those of the set were read. By default the middle
        is read, and the picture's own values decide.

    Raises
    ------
    BadPicture
        If it is no picture, is damaged, or has too many or too few pixels.
    """
    with _opened(path, size) as (image, deep, _):
        if deep:
            # Scaled before it is turned: turning knows 8 bits best.
            image, turned = depths.as_bytes(deep, reading), image.getexif().get(_ORIENTATION)
            if turned:
                image.getexif()[_ORIENTATION] = turned
        return _upright(image, size, (reading or Reading()).fit)


def look(path: Path, content: bytes | None = None, squares: Sequence[tuple[int, str]] = ()) -> Look:
    """Open a picture to see whether it can be read, and what kind it is.

    Parameters
    ----------
    path : Path
    content : bytes, optional
        Those of the file, which is then not opened again.
    squares : sequence of (size, fit)
        What it is also wanted as, see ``read_picture``: most of the work is done by then.

    Raises
    ------
    BadPicture
        As ``read_picture`` does.
    """
    made = []
    for size, fit in squares or [(32, "")]:
        with _opened(path, size, content) as (image, deep, sides):
            pages = image.format in ("TIFF", "GIF", "WEBP", "PNG") and bool(getattr(image, "is_animated", False))
            if deep:
                depth = depths.measure(deep)
                if depth is None:
                    raise BadPicture(_NO_VALUE)
                return Look(depth, pages, sides)
            if fit:
                made.append(_upright(image, size, fit))
            else:
                as_rgb(image)
    return Look(None, pages, sides, tuple(made))


def _upright(image: Image.Image, size: int, fit: str) -> np.ndarray:
    ImageOps.exif_transpose(image, in_place=True)
    return np.ascontiguousarray(as_square(as_rgb(image), size, fit))


@contextlib.contextmanager
def _opened(
    path: Path, size: int, content: bytes | None = None
) -> Iterator[tuple[Image.Image, "depths.Deep | None", tuple[int, int]]]:
    """A loaded picture, its values if it is deep, its sides; whatever goes wrong with it becomes a BadPicture."""
    _let_pillow_open(LARGEST)
    try:
        with Image.open(path if content is None else io.BytesIO(content), formats=known_formats()) as image:
            deep_colour, sides = depths.is_deep_colour(image), image.size
            _check_pixels(image, deep_colour or image.mode[0] in "IF")
            image.draft("RGB", (size * 2, size * 2))  # a large JPEG need not be decoded in full
            image.load()
            yield image, depths.deep_of(image, deep_colour, content), sides
    except BadPicture:
        raise
    except UnidentifiedImageError as error:
        raise BadPicture(unreadable.reason(path)) from error
    except Image.DecompressionBombError as error:
        raise BadPicture("far too many pixels: it may be a trap") from error
    except MemoryError as error:
        raise BadPicture("too large for the memory of this machine") from error
    except Exception as error:  # Pillow's decoders raise many kinds for a damaged file
        if str(error) == _NO_VALUE:
            raise BadPicture(_NO_VALUE) from error
        raise BadPicture(f"damaged ({error or type(error).__name__})") from error


def as_square(image: Image.Image, size: int, fit: str = "crop") -> np.ndarray:
    """An RGB picture as a square, scaled smoothly; uint8 ``(3, size, size)``.

    ``"crop"`` takes its middle: as in the evaluation on ImageNet, an eighth of the shorter side is
    cut off, and of the longer one as much as it takes. ``"squash"`` takes all of it, with another
    width for its height, as torchvision's ``Resize((size, size))`` does; ``"pad"`` all of it in its
    proportions, see ``padded``.
    """
    if fit == "pad":
        square = padded(image, size)
    elif fit == "squash":
        square = image.resize((size, size), Image.Resampling.BILINEAR)
    else:
        square = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR, bleed=_MARGIN)
    return np.asarray(square).transpose(2, 0, 1)


def padded(image: Image.Image, size: int) -> Image.Image:
    """The whole picture in the middle of a square, the borders in the mean colour of the sides that they touch."""
    # Bars of another colour would be the sharpest edges of a picture on a plain ground, such as a scan.
    width, height = (max(1, round(side * size / max(image.size))) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    touched = pixels[[0, -1]] if width > height else pixels[:, [0, -1]]
    square = Image.new("RGB", (size, size), tuple(touched.mean((0, 1)).round().astype(int).tolist()))
    square.paste(image, ((size - width) // 2, (size - height) // 2))
    return square


def cut_away(size: tuple[int, int]) -> float:
    """The share of its area that ``"crop"`` leaves out of a picture of these sides, its margin with it."""
    return 1 - (1 - 2 * _MARGIN) ** 2 * min(size) / max(size)


@cache
def known_formats() -> list[str]:
    """The formats that can be read here; HEIC is one of them where ``pillow-heif`` is installed."""
    Image.init()
    with contextlib.suppress(ImportError):  # then a HEIC photo is left out, and the report says what it takes
        importlib.import_module("pillow_heif").register_heif_opener()
    return [name for name in _FORMATS if name in Image.OPEN]


def check_bytes(size: int) -> None:
    """Raise BadPicture if a file of so many bytes would take minutes to read."""
    if times := limits.needed(size, LARGEST_FILE):
        raise BadPicture(f"{size / 1e6:,.0f} MB: too large for a picture; if it is one, set TLKIT_LIMITS={times}")


def _let_pillow_open(most: int) -> None:
    """Raise Pillow's own limit, which refuses twice of it, where ours was raised above it."""
    most = int(most * limits.factor())
    if Image.MAX_IMAGE_PIXELS is not None and most > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = most


def _check_pixels(image: Image.Image, deep: bool) -> None:
    """By what decoding takes: half as much of a JPEG, which is scaled on the way, and twice of a deep picture."""
    width, height = image.size
    most = LARGEST * 2 if image.format in ("JPEG", "MPO") else LARGEST // 2 if deep else LARGEST
    if times := limits.needed(width * height, most):
        many = f"{width} x {height} pixels: more than {most // 10**6} million, too many"
        raise BadPicture(f"{many}; if the memory is there, set TLKIT_LIMITS={times}")
    if min(width, height) < SMALLEST:
        raise BadPicture(f"{width} x {height} pixels: too small to show anything")


def as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        raise BadPicture("its colours are in LAB, which is not read here: save it in RGB")
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")  # a copy would take as much memory again


def _on_white(image: Image.Image) -> Image.Image:
    """A transparent picture on white, a band at a time: at once it would take four times its memory."""
    shown = Image.new("RGB", image.size)
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height))).convert("RGBA")
        white = Image.new("RGBA", band.size, "white")
        shown.paste(Image.alpha_composite(white, band).convert("RGB"), (0, top))
    return shown
