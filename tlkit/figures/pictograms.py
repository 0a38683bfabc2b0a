"""A pictogram for each way to transfer: a photo, a chain of stages, a head, and what becomes of each.

Blue with a snowflake is frozen. Orange is trained: with the five of a die from random weights on, with a flame without
dice. Half and half is frozen first, and trained then. What lies beyond the scissors is not used. Lines that gather from
stage to stage carry the features of each of them to the head. A blue frame round dice: random, but with the mean and
spread of pretrained weights. The shapes tell as much as the colours, which are those of Okabe and Ito (2008), and both
stand out on light and dark pages.

Matplotlib would make a picture of a fixed size, with fonts. These are shapes of some kilobytes, that stand in a line
of text as on a wall.
"""

import html
from math import cos, radians, sin

from tlkit.language import said

__all__: list[str] = []

_WIDTH, _HEIGHT = 166, 26
_BLUE, _ICE, _ORANGE, _GREY, _WHITE = "#0072B2", "#DDEFFA", "#D55E00", "#7B848C", "#FFFFFF"

_PARTS = {
    "probe": (("frozen",) * 4, "trained", 0),
    "earlier stage": (("frozen",) * 2, "trained", 2),
    "all stages": (("frozen",) * 4, "trained", 0),
    "fine-tuning": (("frozen, then trained",) * 4, "random", 0),
    "pretrained start": (("trained",) * 4, "random", 0),
    "scaled start": (("random, scaled",) * 4, "random", 0),
    "scratch": (("random",) * 4, "random", 0),
}
_GATHERS = ("all stages",)  # its links carry one line more after each stage
WORDS = {
    "probe": "All stages stay frozen. A new linear classifier is trained on the codes of the last one.",
    "earlier stage": "The last stages are cut off, the others stay frozen. A new linear classifier takes their place.",
    "all stages": "All stages stay frozen. A new linear classifier is trained on what every one of them gives.",
    "fine-tuning": "All stages are frozen while a random new head is trained. Then they are trained too, gently.",
    "pretrained start": "All stages are trained from pretrained weights on, and with them a random new head.",
    "scaled start": "As from scratch, but each layer's random weights have the mean and spread of pretrained ones.",
    "scratch": "All stages and the head are trained from random weights on.",
}


def file_name(way: str) -> str:
    """Of its picture in ``lessons/pictures``."""
    return f"way_{way.replace(' ', '-')}.svg"


def pictogram(way: str, height: int = 52) -> str:
    """The pictogram of a way, as the text of an SVG, ``height`` pixels high where the page does not say otherwise."""
    stages, head, gone = _PARTS[way]
    parts, x = [_photo()], 22
    for k, kind in enumerate(stages):
        parts += [_link(x, max(1, k) if way in _GATHERS else 1), _moved(_stage(kind), x + 4)]
        x += 28
    parts += [_link(x, len(stages) if way in _GATHERS else 1), _moved(_HEAD + _mark(head, 10.5, 4.8), x + 4)]
    if gone:
        parts.append(_moved(_SCISSORS, x + 31))
        parts += [_moved(_GONE, x + 44 + 22 * k) for k in range(gone)]
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{height * _WIDTH / _HEIGHT:.0f}" height="{height}"'
    title = f"<title>{html.escape(said(way))}: {html.escape(said(WORDS[way]))}</title>"
    look = 'role="img" fill="none" style="display:block"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>{title}{"".join(parts)}</svg>'


def _moved(shapes: str, x: float) -> str:
    return f'<g transform="translate({x})">{shapes}</g>'


def _line(path: str, colour: str, width: float, more: str = "") -> str:
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"{more}/>'


def _link(x: float, lines: int = 1) -> str:
    """From one part to the next: a line, or several one above the other."""
    path = "".join(f"M{x} {13 + 5 * (k - (lines - 1) / 2):g}h4" for k in range(lines))
    return f'<path d="{path}" stroke="{_GREY}" stroke-width="2"/>'


def _photo() -> str:
    frame = f'<rect x="1" y="3" width="20" height="20" rx="2.5" stroke="{_GREY}" stroke-width="2"/>'
    hills = f'<path d="M3 20.5l6 -8l4 5l2.5 -2.8l3.5 5.8z" fill="{_GREY}"/>'
    return f'{frame}<circle cx="15" cy="9" r="2.3" fill="{_GREY}"/>{hills}'


def _square(fill: str, edge: str) -> str:
    return f'<rect x="1" y="2" width="22" height="22" rx="4" fill="{fill}" stroke="{edge}" stroke-width="2"/>'


def _stage(kind: str) -> str:
    """A box of 24 by 24 units, from (0, 1) on."""
    if kind == "frozen":
        return _square(_ICE, _BLUE) + _snowflake(12, 13, 7.5, 2)
    if kind == "frozen, then trained":
        warm = f'<path d="M22.54 2.46A5 5 0 0 1 24 6V20A5 5 0 0 1 19 25H5A5 5 0 0 1 1.46 23.54Z" fill="{_ORANGE}"/>'
        return _square(_ICE, _BLUE) + warm + _snowflake(8.2, 9.2, 5.2, 1.6) + _flame(17, 17.8, 0.58)
    return _square(_ORANGE, _BLUE if kind == "random, scaled" else _ORANGE) + _mark(kind, 12, 5.2)


def _mark(kind: str, x: float, apart: float) -> str:
    return _die(x, apart) if kind.startswith("random") else _flame(x, 13, 1)


def _snowflake(x: float, y: float, radius: float, width: float) -> str:
    def turned(angle: float, length: float) -> tuple[float, float]:
        return length * cos(radians(angle)), length * sin(radians(angle))

    path = ""
    for angle in range(30, 390, 60):
        (dx, dy), (bx, by) = turned(angle, radius), turned(angle, 0.55 * radius)
        path += f"M{x} {y}l{dx:.1f} {dy:.1f}"
        for side in (-50, 50):
            tx, ty = turned(angle + side, 0.42 * radius)
            path += f"M{x + bx:.1f} {y + by:.1f}l{tx:.1f} {ty:.1f}"
    return _line(path, _BLUE, width)


def _flame(x: float, y: float, scale: float) -> str:
    path = (
        "M.6-8C1.2-4.6 5.6-2.6 5.6 2.2C5.6 5.8 3 8 0 8C-3 8-5.6 5.8-5.6 2.4C-5.6 0-4.4-1.6-3.4-2.8"
        "C-3.2-1.4-2.6-.6-1.8-.2C-2-3-1.2-6 .6-8Z"
    )
    return f'<path transform="translate({x} {y}) scale({scale})" d="{path}" fill="{_WHITE}"/>'


def _die(x: float, apart: float) -> str:
    places = [(x + apart * i, 13 + apart * j) for i, j in ((-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1))]
    return "".join(f'<circle cx="{cx:g}" cy="{cy:g}" r="2" fill="{_WHITE}"/>' for cx, cy in places)


_HEAD = (  # pointed: here the answer comes out
    f'<path d="M1.5 2.5h13l9.5 10.5l-9.5 10.5h-13z" fill="{_ORANGE}" stroke="{_ORANGE}" stroke-width="3" '
    'stroke-linejoin="round"/>'
)
_SCISSORS = _line("M2.6 18.5L8.5 3M8.4 18.5L2.5 3", _GREY, 1.8) + "".join(
    f'<circle cx="{x}" cy="21" r="2.4" stroke="{_GREY}" stroke-width="1.8"/>' for x in (1.9, 9.1)
)
_GONE = (
    f'<rect x="1" y="3.5" width="19" height="19" rx="4" stroke="{_GREY}" stroke-width="1.6" stroke-dasharray="3 2.9"/>'
)
