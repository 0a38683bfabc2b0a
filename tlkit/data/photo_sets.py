"""Which photo sets there are, what their cards say, and whether one is here: all that can be said without PyTorch."""

from functools import cache
from pathlib import Path

from tlkit import checks
from tlkit.course import COURSE
from tlkit.disk.cache import find
from tlkit.disk.cards import read_card

__all__: list[str] = []

PHOTO_SETS = ("flowers17", "hymenoptera", "flowers102", "cifar10", "eurosat", "dtd", "histology", "spoken_digits")


@cache
def card(name: str) -> dict:
    """The card of a photo set, ``datasets/NAME.toml``."""
    return read_card(COURSE / "datasets" / f"{checks.choose('photo set', name, PHOTO_SETS)}.toml")


def folder_of(name: str) -> Path:
    """Where a photo set lies, in the class's folder or in your own, or would lie, once it is fetched."""
    return find("photo-sets", name)


def is_here(name: str) -> bool:
    """Whether a photo set is complete; asks no network."""
    return folder_of(name).is_dir()
