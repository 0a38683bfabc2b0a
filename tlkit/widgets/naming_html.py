"""What a classifier says of one picture, as a piece of a page: its likely names as bars, the pictures nearest to it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from tlkit.language import said
from tlkit.transfer.naming import PhotoNames
from tlkit.widgets.tiles import as_source

__all__: list[str] = []

_BARS_ARE = {
    "probability": "How sure it is of each name.",
    "decision score": "The longer a bar, the more speaks for the name: scores of the SVM, no probabilities.",
}
# Plain HTML, so that it takes the colours of the page, light or dark, and the width of a phone.
_LOOK = """<style>
.tlkit-naming{line-height:1.4;white-space:normal;font-size:15px;max-width:46em}
.tlkit-naming p{margin:.5em 0}.tlkit-naming .row{display:flex;flex-wrap:wrap;gap:8px 20px;align-items:center}
.tlkit-naming .row>img{width:132px;height:132px;object-fit:cover;border-radius:4px;margin:0}
.tlkit-naming .bars{flex:1 1 240px;max-width:28em}.tlkit-naming .bars div{margin-bottom:7px}
.tlkit-naming .bars span+span{float:right}
.tlkit-naming .bars i{display:block;height:10px;border-radius:2px;background:#0072B2;min-width:2px}
.tlkit-naming .bars .true i{background:#009E73}.tlkit-naming small{font-size:13px}
.tlkit-naming figure{margin:0;width:84px;font-size:13px;text-align:center;overflow-wrap:anywhere}
.tlkit-naming figure img{width:72px;height:72px;object-fit:cover;border:3px solid transparent;border-radius:4px;
margin:0 auto;display:block}.tlkit-naming figure.true img{border-color:#009E73}
</style>"""


@dataclass(frozen=True)
class Naming:
    """What a classifier says of one picture.

    Attributes
    ----------
    picture : uint8 tensor (3, h, w), as the network saw it
    best : list of (name, score in words, length of its bar from 0 to 1), the most likely first
    scores_are : "probability" or "decision score"
    truth : its true name, where somebody knows it
    near : list of (picture, name) of the training pictures that lie nearest to it
    """

    picture: Tensor
    best: list[tuple[str, str, float]]
    scores_are: str
    truth: str | None = None
    near: Sequence[tuple[Tensor, str]] = ()


def naming_of(found: PhotoNames, truth: str | None = None, near: Sequence[tuple[Tensor, str]] = ()) -> Naming:
    """The most likely names of the first photo of ``found``.

    A probability is as long as it is; decision scores can be negative, so theirs are as long as they
    lie above the least likely name, and the longest bar is 1.
    """
    row = found.scores[0]
    low, high = (0.0, 1.0) if found.scores_are == "probability" else (row[np.isfinite(row)].min(), row.max())
    order = np.argsort(-row, kind="stable")[: found.top]
    lengths = np.clip((row[order] - low) / max(high - low, 1e-9), 0, 1)
    best = [(found.class_names[k], found.say(row[k]), float(length)) for k, length in zip(order, lengths)]
    return Naming(found.pictures[0], best, found.scores_are, truth, near)


def naming_html(naming: Naming) -> str:
    """The picture, its names as bars, whether the first is right, and the nearest training pictures."""
    first, truth = naming.best[0][0], naming.truth
    if truth is None:
        words = f"It says <b>{html.escape(first)}</b>. It has no other names than those that it learned."
    elif first == truth:
        words = f"✓ It says <b>{html.escape(first)}</b>, and so it is."
    else:
        words = f"✗ It says <b>{html.escape(first)}</b>, but it is <b>{html.escape(truth)}</b>."
    bars = "".join(
        f"<div{_true(name == truth)}><span>{'✓ ' * (name == truth)}{html.escape(name)}</span><span>{score}</span>"
        f'<i style="width:{100 * length:.0f}%"></i></div>'
        for name, score, length in naming.best
    )
    near = "".join(
        f'<figure{_true(name == truth)}><img alt="{said("training picture:")} {html.escape(name, quote=True)}" '
        f'src="{small_source(picture)}"><figcaption>{html.escape(name)}</figcaption></figure>'
        for picture, name in naming.near
    )
    alike = said("The training pictures that this network finds most alike:")
    nearest = f'<p>{alike}</p><div class="row">{near}</div>'
    return (
        f'{_LOOK}<div class="tlkit-naming"><p>{said(words)}</p><div class="row">'
        f'<img alt="{said("the picture to be named")}" src="{small_source(naming.picture, 264)}">'
        f'<div class="bars">{bars}'
        f"<small>{said(_BARS_ARE[naming.scores_are])}</small></div></div>{nearest if near else ''}</div>"
    )


def _true(holds: bool) -> str:
    return ' class="true"' if holds else ""


def small_source(picture: Tensor, most: int = 144) -> str:
    """A picture as the ``src`` of an ``<img>``, no larger than ``most`` pixels."""
    pixels = picture.permute(1, 2, 0).numpy()
    if max(pixels.shape[:2]) > most:
        shown = Image.fromarray(pixels)
        shown.thumbnail((most, most))
        pixels = np.asarray(shown)
    return as_source(pixels, "jpeg", quality=92)
