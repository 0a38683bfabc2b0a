"""Picture files: read one whatever its kind, say plainly what is wrong with it, decode many once."""

import hashlib
import os
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from joblib import Parallel, delayed
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from tqdm.auto import tqdm

from tlkit.cache import cache_folder, check_room, source_digest, write_atomically

__all__: list[str] = []

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
    total = hashlib.blake2b(f"{size}/{source_digest(sys.modules[__name__])}".encode(), digest_size=16)
    for key in keys:
        total.update(f"/{key}".encode())
    folder = cache_folder() / "photos"
    folder.mkdir(exist_ok=True)
    path = folder / f"{size}px-{total.hexdigest()}.npy"
    shape = (len(files), 3, size, size)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            check_room(folder, int(np.prod(shape)), f"Decoding {len(files):,} photos")
            write_atomically(path, lambda part: _fill(part, shape, files))
    # Mapped copy-on-write: whoever changes such a tensor changes memory, never the file.
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def _fill(part: Path, shape: tuple[int, ...], files: Sequence[Path]) -> None:
    table = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)

    def fill(row: int, path: Path) -> None:
        table[row] = read_picture(path, shape[-1])

    # Threads, because Pillow lets go of the interpreter while it decodes and scales.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = Parallel(n_jobs=os.cpu_count(), prefer="threads", return_as="generator")(
            delayed(fill)(row, path) for row, path in enumerate(files)
        )
        for _ in tqdm(done, total=len(files), desc="decoding photos", unit="photo", leave=False, delay=1):
            pass
    table.flush()
