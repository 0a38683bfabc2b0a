"""Pictures that are no files: arrays, tensors and Pillow's own, read as a file of the same pixels would be."""

import hashlib
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from tlkit.data import depths, pictures
from tlkit.data.depths import Deep, Reading
from tlkit.data.pictures import BadPicture, Look
from tlkit.disk import limits

__all__: list[str] = []

_CHANNELS = (1, 3, 4)
_ROUNDING = 1e-3  # by which floats may leave 0 to 1, as scaling makes them


class NoShade(ValueError):
    """Values that stand for no shades as they are; the message says what to do. It is about all pictures of a set."""


def as_array(value: object) -> np.ndarray | None:
    """What a tensor or an array holds, without a copy where it can be; None of anything else."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not isinstance(value, Image.Image)):
        return np.asarray(value)
    return None


def opened(value: object) -> Image.Image | Deep:
    """A picture in memory: as an image of Pillow if it has 8 bits, else as the values of a deep one.

    Parameters
    ----------
    value : image of Pillow, or array or tensor (h, w), (h, w, c) or (c, h, w), with c 1, 3 or, in 8 bits, 4
        Truth values, whole numbers of any size, or floats from 0 on.

    Raises
    ------
    BadPicture
        If it is none of these, or too small or too large.
    NoShade
        For floats below 0, and values that are no numbers.
    """
    if isinstance(value, Image.Image):
        _check_sides(*value.size)
        try:
            value.load()
        except Exception as error:  # Pillow's decoders raise many kinds for a damaged file
            raise BadPicture(f"damaged ({error or type(error).__name__})") from error
        return depths.deep_of(value, False) or value
    array = as_array(value)
    if array is None:
        raise BadPicture(f"no picture, but of the type {type(value).__name__}")
    array = _channels_last(array)
    _check_sides(*array.shape[1::-1])
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(array))
    return Deep("real" if array.dtype.kind == "f" else "whole", _shades(array))


def _check_sides(width: int, height: int) -> None:
    if times := limits.needed(width * height, pictures.LARGEST):
        raise BadPicture(f"{width} x {height} pixels: too many to be read safely; TLKIT_LIMITS={times} allows it")
    if min(width, height) < pictures.SMALLEST:
        raise BadPicture(f"{width} x {height} pixels: too small to show anything")


def _channels_last(array: np.ndarray) -> np.ndarray:
    """``(h, w)``, or ``(h, w, c)`` with c 3 or 4. No side of a picture is as short as channels are few."""
    if array.ndim == 3 and array.shape[2] not in _CHANNELS and array.shape[0] in _CHANNELS:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS):
        raise BadPicture(f"an array of shape {array.shape}, but a picture is (h, w), (h, w, 3) or (3, h, w)")
    return array


def _shades(array: np.ndarray) -> np.ndarray:
    """Whole numbers or floats as float32, NaN where nothing is known."""
    if array.dtype.kind not in "iuf" or array.dtype == np.int8:
        more = " If they are bytes: images.view(np.uint8)." if array.dtype == np.int8 else ""
        raise NoShade(
            f"These pictures are of the type {array.dtype!s:.40}, which has no shades. "
            f"Give uint8, 0 to 255, or floats, 0 to 1.{more}"
        )
    if array.ndim == 3 and array.shape[2] == 4:
        raise BadPicture(f"four channels of {array.dtype}: take the first three, images[..., :3], or give uint8")
    values = array.astype(np.float32)
    if array.dtype.kind == "f":
        values[~np.isfinite(values)] = np.nan
        values[(values < 0) & (values > -_ROUNDING)] = 0.0
        values[(values > 1) & (values < 1 + _ROUNDING)] = 1.0
        check_floats(np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf))
    return values


def check_floats(low: float, high: float) -> None:
    """Refuse floats that go below 0: they were normalised, and nobody can know how."""
    if not low < -_ROUNDING:
        return
    is_even = low >= -1 - _ROUNDING and high <= 1 + _ROUNDING
    mend = "(images + 1) / 2" if is_even else "images * std + mean, with the mean and std that were used"
    raise NoShade(
        f"These floats go from {low:.3g} to {high:.3g}: they were normalised, but the backbone does that itself.\n"
        f"Undo it, so that 0 is black and 1 is white: {mend}.\n"
        "Of a dataset: take Normalize out of its transform; dataset.transform = None is best."
    )


def look(value: object) -> tuple[str, Look]:
    """A fingerprint of a picture's pixels, and what was seen.

    Raises
    ------
    BadPicture, NoShade
        As ``opened`` does; and if no pixel has a value.
    """
    found = opened(value)
    if isinstance(found, Deep):
        about, content = f"{found.kind}{found.values.shape}", np.ascontiguousarray(found.values)
        depth = depths.measure(found)
        if depth is None:
            raise BadPicture("none of its pixels has a value")
        if depth.kind == "real" and depth.low is not None and 0 <= depth.low <= depth.high <= 1:
            depth = replace(depth, low=0.0, high=1.0)  # shares of white, however dark the picture
    else:
        found = pictures.as_rgb(found)
        about, content, depth = f"{found.size}", np.asarray(found), None
    height, width = content.shape[:2]
    total = hashlib.blake2b(about.encode() + content.tobytes(), digest_size=16)
    return total.hexdigest(), Look(depth, size=(width, height))


def square(value: object, size: int, reading: Reading | None = None) -> np.ndarray:
    """A picture as uint8 ``(3, size, size)``, cut and scaled as ``pictures.read_picture`` does."""
    found = opened(value)
    if isinstance(found, Deep):
        found = depths.as_bytes(found, reading)
    image = pictures.as_rgb(ImageOps.exif_transpose(found))
    return pictures.as_square(image, size, (reading or Reading()).fit)
