"""How the files of a set are read, all alike: what becomes a square, and which values are black and white."""

import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tlkit import checks
from tlkit.disk.spelling import few

__all__: list[str] = []

FITS = ("crop", "pad", "squash")  # how a picture becomes a square: see ``pictures.as_square``
BITS = (8, 10, 12, 14, 16)
# Values that stand for "nothing was measured here", if all others lie far from them.
_MARKS = {
    "whole": (65_535.0, -999.0, -9_999.0, -99_999.0, -32_768.0, 32_767.0, float(-(2**31)), float(2**31)),
    "real": (-999.0, -9_999.0, -99_999.0, -32_768.0, 65_535.0),
}
_NO_DATA = 42_113  # the tag by which a TIFF of GDAL names its own mark
_ONE_AT_A_TIME = threading.Lock()
_FAR = 1e30  # no measurement, but the fill value of several programs
_FEW = 0.1  # per cent of the pixels that may lie outside, on each side, where no depth gives the limits


@dataclass(frozen=True)
class Reading:
    """How a file becomes a square of bytes: the same for every picture of a set, and for new ones.

    Attributes
    ----------
    whole, real : (black, white) of whole numbers and of floats, or None if the set has none: such a
        picture is then read by its own values
    missing : values that stand for a missing pixel
    fit : one of ``FITS``

    Raises
    ------
    ValueError
        For another fit.
    """

    whole: tuple[float, float] | None = None
    real: tuple[float, float] | None = None
    missing: tuple[float, ...] = ()
    fit: str = "crop"

    def __post_init__(self) -> None:
        checks.choose("fit", self.fit, FITS)
        for name in ("whole", "real", "missing"):  # what was kept as text comes back as lists
            value = getattr(self, name)
            object.__setattr__(self, name, value if value is None else tuple(map(float, value)))


@dataclass(frozen=True)
class Depth:
    """What one deep picture holds.

    Attributes
    ----------
    kind : "whole" or "real"
    low, high : its least and greatest value, of floats without a thousandth on each side; None if all are marks
    marks : values in it that may stand for missing pixels
    holes : whether pixels are missing beyond doubt: NaN, infinite, or what the file itself says
    coarse : whether Pillow hands over the upper 8 of its 16 bits only
    """

    kind: str
    low: float | None
    high: float | None
    marks: tuple[float, ...] = ()
    holes: bool = False
    coarse: bool = False


@dataclass
class Deep:
    """A deep picture: float32 values ``(h, w)`` or ``(h, w, 3)``, NaN where missing, and its opacity, 0 to 1."""

    kind: str
    values: np.ndarray
    opacity: np.ndarray | None = None
    coarse: bool = False


def is_deep_colour(image: Image.Image) -> bool:
    """Whether a picture, not loaded yet, has 16 bits a colour, of which Pillow keeps the upper 8."""
    return len(image.mode) > 1 and image.mode[0] not in "IF" and any(";16" in str(tile[3]) for tile in image.tile)


def deep_of(image: Image.Image, deep_colour: bool, content: bytes | None = None) -> Deep | None:
    """The values of a loaded picture, ``content`` if its file was read whole; None for one of 8 bits."""
    kind = "whole" if image.mode.startswith("I") else "real"
    if image.mode[0] in "IF":
        values = np.asarray(image).astype(np.float32)
        values[~(np.abs(values) < _FAR)] = np.nan
        mark = _mark_of(image)
        if mark is not None:
            values[values == mark] = np.nan
        return Deep(kind, values)
    if not deep_colour:
        return None
    if image.format == "PNG" and (channels := _all_bits(image, content)) is not None:
        return _colour(channels, coarse=False)
    channels = np.asarray(image if image.mode in ("RGB", "RGBA", "LA") else image.convert("RGB"))
    return _colour(channels.astype(np.float32) * 257, coarse=True)  # 0 to 255 as 0 to 65,535


def _mark_of(image: Image.Image) -> np.float32 | None:
    try:
        return np.float32(str(image.tag_v2[_NO_DATA]).strip(" \0"))
    except (AttributeError, KeyError, ValueError):  # no TIFF, no such tag, or no number in it
        return None


def _all_bits(image: Image.Image, content: bytes | None) -> np.ndarray | None:
    """The 16 bits of a colour PNG, which torchvision reads; None where this torchvision does not."""
    try:
        from torchvision.io import ImageReadMode, decode_png

        content = Path(image.filename).read_bytes() if content is None else content
        packed = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        # Since 0.29 it warns that it will be gone one day. Threads would mix up their filters of warnings.
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = decode_png(packed, mode=ImageReadMode.UNCHANGED)
    except (ImportError, RuntimeError):
        return None
    return found.to(torch.int32).permute(1, 2, 0).numpy().astype(np.float32) if found.dtype != torch.uint8 else None


def _colour(channels: np.ndarray, coarse: bool) -> Deep:
    count = channels.shape[2]
    opacity = channels[..., -1] / 65_535 if count in (2, 4) else None
    return Deep("whole", np.ascontiguousarray(channels[..., : 1 if count <= 2 else 3]), opacity, coarse)


def measure(deep: Deep) -> Depth | None:
    """What a deep picture holds; None if no pixel of it has a value."""
    known = np.isfinite(deep.values)
    good = deep.values[known]
    if not good.size:
        return None
    marks = tuple(mark for mark in _MARKS[deep.kind] if (good == np.float32(mark)).any())
    rest = good[~np.isin(good, np.float32(marks))] if marks else good
    low, high = (float(rest.min()), float(rest.max())) if rest.size else (None, None)
    if rest.size and not (deep.kind == "whole" and low >= 0 and high < 2**16):
        low, high = map(float, np.percentile(rest, (_FEW, 100 - _FEW)))
    return Depth(deep.kind, low, high, marks, not known.all(), deep.coarse)


def decide(found: Sequence[Depth]) -> Reading:
    """One rule for all deep pictures of a set."""
    missing: list[float] = []
    rules = {}
    for kind in ("whole", "real"):
        mine = [depth for depth in found if depth.kind == kind]
        if mine:
            low, high, marks = _limits(mine)
            missing += marks
            rules[kind] = _whole(low, high) if kind == "whole" else _real(low, high)
    return Reading(**rules, missing=tuple(sorted(set(missing))))


def _limits(found: Sequence[Depth]) -> tuple[float, float, list[float]]:
    """The least and the greatest value, and the marks that lie further from them than they from each other."""
    marks = sorted({mark for depth in found for mark in depth.marks})
    lows = [depth.low for depth in found if depth.low is not None]
    if not lows:
        return min(marks), max(marks), []
    low, high = min(lows), max(depth.high for depth in found if depth.high is not None)
    far = [mark for mark in marks if max(low - mark, mark - high) > high - low > 0]
    values = [low, high, *(mark for mark in marks if mark not in far)]
    return min(values), max(values), far


def _whole(low: float, high: float) -> tuple[float, float]:
    if low >= 0 and high < 2**16:
        return 0.0, float(next(2**bits - 1 for bits in BITS if high < 2**bits))
    return low, high


def _real(low: float, high: float) -> tuple[float, float]:
    """Floats are most often shares of white, or bytes; where they use little of such a range, it is another one."""
    for white in (1.0, 255.0):
        if low >= 0 and white / 4 <= high <= white:
            return 0.0, white
    return low, high


def as_bytes(deep: Deep, reading: Reading | None) -> Image.Image:
    """A deep picture in 8 bits by a rule; by its own values where the rule has none for its kind.

    Missing pixels take the middle value of their picture; what lies outside of the rule is cut off.

    Raises
    ------
    ValueError
        If no pixel has a value.
    """
    rule = getattr(reading, deep.kind, None)
    if rule is None:
        own = measure(deep)
        reading = decide([own] if own else [])
        rule = getattr(reading, deep.kind)
    values = deep.values
    missing = ~np.isfinite(values) | np.isin(values, np.float32(reading.missing))
    if missing.all():
        raise ValueError("none of its pixels has a value")
    if missing.any():
        values = np.where(missing, np.median(values[~missing]), values)
    black, white = rule
    shades = ((values - black) * (255 / max(white - black, 1e-12))).clip(0, 255)
    if deep.opacity is not None:  # on white, as other transparent pictures
        shades = shades * deep.opacity[..., None] + 255 * (1 - deep.opacity[..., None])
    shades = shades.round().astype(np.uint8)
    return Image.fromarray(shades[..., 0] if shades.shape[2:] == (1,) else shades).convert("RGB")


def describe(reading: Reading, found: Mapping[str, Depth]) -> list[str]:
    """How deep pictures were read, in lines for a report."""
    lines = []
    for kind, what in (("whole", "more than 8 bits"), ("real", "floats")):
        mine = {name: depth for name, depth in found.items() if depth.kind == kind and depth.low is not None}
        if not mine:
            continue
        black, white = getattr(reading, kind)
        bits = next((f" ({bits} bits)" for bits in BITS if (black, white) == (0, 2**bits - 1) and kind == "whole"), "")
        lines.append(
            f"{len(mine):,} pictures of {what}: {black:,.6g} is black, {white:,.6g} white{bits}, in all of them."
        )
        dark = [name for name, depth in mine.items() if depth.high - black < (white - black) / 8]
        if dark:
            lines.append(f"{len(dark):,} of them use less than an eighth of this, and come out dark: {few(dark, 3)}.")
        coarse = [name for name, depth in mine.items() if depth.coarse]
        if coarse and white < 2**16 - 1:
            lines.append(
                f"Of these files only the upper 8 of 16 bits can be read, and they look coarse: {few(coarse, 3)}."
            )
    holes = [name for name, depth in found.items() if depth.holes or set(depth.marks) & set(reading.missing)]
    if holes:
        marks = "".join(f", {mark:g}" for mark in reading.missing)
        lines.append(f"{len(holes):,} have missing pixels (NaN{marks}), filled with the middle value: {few(holes, 3)}.")
    return lines
