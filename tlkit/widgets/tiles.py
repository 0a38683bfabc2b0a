"""What a target looks like on a page, in tiles or in a strip: some of its pictures, or the words of its card.

Drawing them takes PyTorch. So they are kept in the cache, and the map, on thirty pages too, shows them without it.
"""

import base64
import hashlib
import html
import io
import json
import warnings
from functools import cache
from pathlib import Path
from textwrap import shorten

import numpy as np
from PIL import Image

from tlkit.course import COURSE
from tlkit.data import photo_sets
from tlkit.disk.cache import folder_for, folders_to_read, write_atomically
from tlkit.disk.locks import locked
from tlkit.language import said
from tlkit.study.places import card_of, world_of
from tlkit.world import WORLD

__all__: list[str] = []


def is_here(dataset: str) -> bool:
    """Whether a target of the map can be shown and trained on without network."""
    return dataset not in photo_sets.PHOTO_SETS or photo_sets.is_here(dataset)


def tiles_of(dataset: str, count: int = 6) -> str:
    """Example pictures as tiles of their own, or words."""
    if not is_here(dataset):
        return words_of(dataset)
    sources = _sources(dataset, count)
    tiles = "".join(f'<img alt="" src="{html.escape(source)}">' for source in sources)
    says = html.escape(f"{len(sources)} {said('pictures of')} {dataset}. {said(card_of(dataset)['shows'])}")
    return f'<div class="strip" role="img" aria-label="{says}">{tiles}</div>'


def strip_of(dataset: str, count: int = 14) -> str:
    """Example pictures side by side as an ``<img>``, or words."""
    if not is_here(dataset):
        about = {key: html.escape(said(card_of(dataset)[key])) for key in ("title", "shows", "similarity")}
        alike = said("Similarity: {similarity}.".format(**about))
        return "<p style='line-height:1.4'><b>{title}</b>. {shows}<br>{alike}</p>".format(alike=alike, **about)
    says = f"{len(_sources(dataset, count))} {said('pictures of')} {dataset}"
    return f'<img alt="{says}" style="max-width:100%" src="{_strip(dataset, count)}">'


def words_of(dataset: str) -> str:
    """A target in the words of its card, where its pictures are not here or may not be passed on."""
    about = {key: said(card_of(dataset)[key]) for key in ("title", "shows")}
    words = f"<b>{html.escape(about['title'])}</b>. {html.escape(shorten(about['shows'], 130, placeholder=' …'))}"
    return f'<div class="strip words"><p>{words}</p></div>'


def as_source(pixels: np.ndarray, kind: str, **settings: int) -> str:
    """A picture, uint8 ``(h, w, 3)``, as the ``src`` of an ``<img>``."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, **settings)
    return f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode()}"


@cache
def _strip(dataset: str, count: int) -> str:
    """The tiles of a target in one picture, with white gaps."""
    shown = [_pixels_in(source) for source in _sources(dataset, count)]
    gap = np.full((len(shown[0]), 3, 3), 255, np.uint8)
    return as_source(np.hstack([part for picture in shown for part in (picture, gap)][:-1]), "jpeg", quality=90)


def _pixels_in(source: str) -> np.ndarray:
    """What ``as_source`` was given, uint8 ``(h, w, 3)``, of a picture that it kept without loss."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB"))


@cache
def _sources(dataset: str, count: int) -> list[str]:
    """The tiles of a target that is here, from the cache, or drawn and kept there."""
    name = f"{dataset}-{count}-{_version(dataset)}.json"
    for place in folders_to_read():
        if found := _kept(place / "examples" / name):
            return found
    path = folder_for("examples") / name
    with locked(path.with_suffix(".lock")):
        return _kept(path) or _drawn(dataset, count, path)


def _drawn(dataset: str, count: int, path: Path) -> list[str]:
    from tlkit.widgets.examples import pictures_of  # loads PyTorch

    sources = [as_source(picture.permute(1, 2, 0).numpy(), "png") for picture in pictures_of(dataset, count)]
    content = json.dumps({"checksum": _checksum(sources), "sources": sources})
    try:
        write_atomically(path, lambda part: part.write_text(content, encoding="utf-8"))
    except OSError as error:
        warnings.warn(f"Could not keep {path.name} in the cache ({error}); going on without.", stacklevel=2)
    return sources


def _kept(path: Path) -> list[str] | None:
    """The tiles in a file; None where there is none, or it is damaged and they are to be drawn again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["sources"] if found["checksum"] == _checksum(found["sources"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _checksum(sources: list[str]) -> str:
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()


def _version(dataset: str) -> str:
    """What the tiles depend on: who painted them, or the set that was fetched, and its card."""
    if world_of(dataset) == "drawn":
        return f"world{WORLD}"
    card = (COURSE / "datasets" / f"{dataset}.toml").read_bytes()
    fetched = photo_sets.folder_of(dataset).stat().st_mtime_ns if dataset in photo_sets.PHOTO_SETS else ""
    return hashlib.sha256(card + str(fetched).encode()).hexdigest()[:16]
