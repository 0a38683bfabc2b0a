"""Places of the map: the targets, how far each is from what the backbone was trained on, and what the rule says there.

Similarity is a rank, stated before anything was measured, with its reason in words on each target's card.
"""

from functools import cache

from tlkit import checks
from tlkit.course import COURSE
from tlkit.disk.cards import read_card

__all__ = ["quadrant"]

# From similar to very different: drawn targets against atlas, photo sets against ImageNet.
STOPS = ("flowers", "herbarium", "plates", "tissue")
PHOTO_STOPS = ("flowers17", "cifar10", "dtd", "digits", "spoken_digits")
MAPS = {"drawn": STOPS, "photos": PHOTO_STOPS}
RANK = {name: rank for stops in MAPS.values() for rank, name in enumerate(stops, 1)}
CLASSES = {"dtd": 10}  # of its 47 textures the first ten, so that the targets have about as many classes each
SMALL, SIMILAR = 20, 2  # at most so many images a class are few; stops up to here are similar

# Which way the CS231n notes, and many courses after them, advise in each quadrant.
RULE = {
    ("small", "similar"): "probe",
    ("small", "different"): "earlier stage",
    ("large", "similar"): "fine-tuning",
    ("large", "different"): "pretrained start",
}


def quadrant(dataset: str, per_class: int) -> tuple[str, str]:
    """``("small" or "large", "similar" or "different")``: where a target stands on the map."""
    checks.choose("target dataset", dataset, RANK)
    size = "small" if checks.count("per_class", per_class, 1) <= SMALL else "large"
    return size, "similar" if RANK[dataset] <= SIMILAR else "different"


def world_of(dataset: str) -> str:
    """``"drawn"`` or ``"photos"``: which map a target stands on."""
    return next(world for world, stops in MAPS.items() if dataset in stops)


@cache
def card_of(dataset: str) -> dict:
    """What a target's card says of it."""
    return read_card(COURSE / "datasets" / f"{checks.choose('target dataset', dataset, RANK)}.toml")


def class_count(dataset: str) -> int:
    """How many classes of a target the map has."""
    return CLASSES.get(dataset, card_of(dataset)["classes"])
