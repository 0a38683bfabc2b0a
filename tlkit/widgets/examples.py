"""Some pictures of a target, as tensors and side by side; as tiles of a page, without PyTorch, see ``tiles``."""

import html
from functools import cache

import torch
from torch import Tensor

from tlkit.data import photos
from tlkit.figures.galleries import mosaic
from tlkit.study.places import CLASSES, card_of, class_count, world_of
from tlkit.widgets.tiles import as_source, is_here
from tlkit.world.catalogue import draw_pictures

__all__: list[str] = []


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
