"""What a target looks like: some of its pictures, or, where they are not here, its name and the words of its card."""

import base64
import html
import io
from functools import cache
from textwrap import shorten

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tlkit.data import photos
from tlkit.figures.galleries import mosaic
from tlkit.study.places import CLASSES, card_of, class_count, world_of
from tlkit.world.catalogue import draw_pictures

__all__: list[str] = []


def is_here(dataset: str) -> bool:
    """Whether a target of the map can be shown and trained on without network."""
    return dataset not in photos.PHOTO_SETS or photos.is_here(dataset)


@cache
def pictures_of(dataset: str, count: int = 8) -> Tensor:
    """A picture each of up to ``count`` classes spread over a target that is here, uint8 ``(n, 3, 64, 64)``."""
    if world_of(dataset) == "photos":
        return photos.examples(dataset, count, 64, CLASSES.get(dataset))
    classes = torch.linspace(0, class_count(dataset) - 1, count).long()
    return draw_pictures(dataset, "train", classes, torch.zeros_like(classes), seed=0, size=64)


def strip_of(dataset: str, count: int = 14) -> str:
    """Example pictures side by side as an ``<img>``, or words."""
    if not is_here(dataset):
        about = {key: html.escape(card_of(dataset)[key]) for key in ("title", "shows", "similarity")}
        return "<p style='line-height:1.4'><b>{title}</b>. {shows}<br>Similarity: {similarity}.</p>".format(**about)
    shown = pictures_of(dataset, count)
    source = as_source(mosaic(shown, len(shown)), "jpeg", quality=90)
    return f'<img alt="{len(shown)} pictures of {dataset}" style="max-width:100%" src="{source}">'


def tiles_of(dataset: str, count: int = 6) -> str:
    """Example pictures as tiles of their own, or words."""
    if not is_here(dataset):
        return words_of(dataset)
    sources = [as_source(picture.permute(1, 2, 0).numpy(), "png") for picture in pictures_of(dataset, count)]
    tiles = "".join(f'<img alt="" src="{source}">' for source in sources)
    says = html.escape(f"{len(sources)} pictures of {dataset}. {card_of(dataset)['shows']}")
    return f'<div class="strip" role="img" aria-label="{says}">{tiles}</div>'


def words_of(dataset: str) -> str:
    """A target in the words of its card, where its pictures are not here or may not be passed on."""
    about = card_of(dataset)
    words = f"<b>{html.escape(about['title'])}</b>. {html.escape(shorten(about['shows'], 130, placeholder=' …'))}"
    return f'<div class="strip words"><p>{words}</p></div>'


def as_source(pixels: np.ndarray, kind: str, **settings: int) -> str:
    """A picture, uint8 ``(h, w, 3)``, as the ``src`` of an ``<img>``."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, **settings)
    return f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode()}"
