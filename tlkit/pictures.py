"""Picture files: read one whatever its kind, say plainly what is wrong with it, decode many once."""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from tlkit.tables import remove, table

__all__: list[str] = []

PHOTOS = 1  # raised when any file is read as another picture: what was decoded before is not used then
SMALLEST, LARGEST = 8, 89_478_485  # pixels: the shorter side, and the whole picture (Pillow's own limit)
# Those that can hold photos. Not among them: EPS, which Pillow hands to another program.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "ICO")
_MARGIN = 0.0625  # of each side; what is left, 7/8, is the share that ImageNet's evaluation keeps


class BadPicture(ValueError):
    """A file that can not be used as a picture; its message says why."""


def read_picture(path: Path, size: int) -> np.ndarray:
    """Read a picture as uint8 ``(3, size, size)``: turned upright, its middle square, scaled down smoothly.

    The first frame of an animation is taken, transparency becomes white, 16 bits become 8. As in
    the evaluation on ImageNet, an eighth of the shorter side is cut off.

    Raises
    ------
    BadPicture
        If it is no picture, is damaged, or has too many or too few pixels.
    """
    try:
        with Image.open(path, formats=_known_formats()) as image:
            _check_pixels(image)
            image.draft("RGB", (size * 2, size * 2))  # a large JPEG need not be decoded in full
            image.load()
            image = _as_rgb(ImageOps.exif_transpose(image))
            square = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR, bleed=_MARGIN)
            return np.asarray(square).transpose(2, 0, 1)
    except BadPicture:
        raise
    except UnidentifiedImageError as error:
        why = "the file is empty (0 bytes)" if path.stat().st_size == 0 else "not a picture that can be read here"
        raise BadPicture(why) from error
    except Image.DecompressionBombError as error:
        raise BadPicture("far too many pixels: it may be a trap") from error
    except Exception as error:  # Pillow's decoders raise many kinds for a damaged file
        raise BadPicture(f"damaged ({error or type(error).__name__})") from error


@cache
def _known_formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _check_pixels(image: Image.Image) -> None:
    width, height = image.size
    if width * height > LARGEST:
        raise BadPicture(f"{width} x {height} pixels: more than {LARGEST // 10**6} million, too many to open safely")
    if min(width, height) < SMALLEST:
        raise BadPicture(f"{width} x {height} pixels: too small to show anything")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        if image.mode.startswith("I") and low >= 0 and high < 2**16:  # whole numbers of 8 or 16 bits
            low, high = 0.0, 255.0 if high < 256 else 65_535.0
        values = (values - low) / max(high - low, 1e-12) * 255
        return Image.fromarray(values.round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def decode(files: Sequence[Path], keys: Sequence[str], size: int) -> Tensor:
    """Decode picture files once and for all; uint8 ``(n, 3, size, size)``, mapped from disk, not held in memory.

    An interrupted call goes on where it stopped.

    Parameters
    ----------
    files : pictures that can be read
    keys : what stands for the content of each, for example a checksum
    size : height and width in pixels

    Raises
    ------
    OSError
        If the disk has no room for the decoded pictures.
    BadPicture
        If one can not be read.
    """
    total = hashlib.blake2b(f"{size}/{PHOTOS}".encode(), digest_size=16)
    for key in keys:
        total.update(f"/{key}".encode())
    name = f"{size}px-{total.hexdigest()}"

    def make(start: int, stop: int, done: Callable[[int], object]) -> dict[str, Tensor]:
        return {"images": _read_all(files[start:stop], size, done)}

    try:
        # A photo has no checksum of its own here: reading all of them back at each load would take too long.
        return table("photos", name, len(files), make, "decoding photos", check=False)[0]["images"]
    except BadPicture:
        remove("photos", name)
        raise


def _read_all(files: Sequence[Path], size: int, done: Callable[[int], object]) -> Tensor:
    """Read pictures side by side, in threads, because Pillow lets go of the interpreter while it decodes and scales."""
    rows = torch.empty(len(files), 3, size, size, dtype=torch.uint8)

    def read(row: int, path: Path) -> None:
        rows[row] = torch.from_numpy(read_picture(path, size).copy())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tasks = Parallel(n_jobs=os.cpu_count(), prefer="threads", return_as="generator")(
            delayed(read)(row, path) for row, path in enumerate(files)
        )
        for _ in tasks:
            done(1)
    return rows
