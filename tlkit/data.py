"""Datasets as a split in train, val and test, and the cards that describe them."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from tqdm.auto import tqdm

from tlkit import chance, checks, objects, plants, scene, specimens, world
from tlkit.cache import cached, source_digest
from tlkit.world import OFFLINE_DATASETS, draw_pictures

__all__ = ["ImageSet", "Split", "load_dataset"]

VAL_PER_CLASS, TEST_PER_CLASS = 20, 40
_BLOCK = 20  # pictures a class that are drawn and kept together


@dataclass(frozen=True)
class ImageSet:
    """Pictures with their labels.

    Attributes
    ----------
    images : uint8 tensor (n, 3, h, w), values 0 to 255
    labels : int64 tensor (n,), values 0 to k - 1

    Raises
    ------
    ValueError, TypeError
        For pictures of another shape or dtype, or labels that do not match them.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        checks.images(self.images)
        checks.labels(self.labels, len(self.images))

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, per_class: int) -> "ImageSet":
        """The first ``per_class`` pictures of every class."""
        rank = torch.zeros_like(self.labels)
        for label in self.labels.unique():
            mine = self.labels == label
            rank[mine] = torch.arange(int(mine.sum()))
        keep = rank < per_class
        return ImageSet(self.images[keep], self.labels[keep])


@dataclass(frozen=True)
class Split:
    """A dataset cut in three: train to fit, val to choose, test to open once at the end.

    Attributes
    ----------
    name : str
    class_names : list of str, one a label
    train, val, test : ImageSet
    per_class, seed : int
        What the split was made with; the same two give the same split again.
    """

    name: str
    class_names: list[str]
    train: ImageSet
    val: ImageSet
    test: ImageSet
    per_class: int
    seed: int

    def __repr__(self) -> str:
        parts = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in ("train", "val", "test"))
        height, width = self.train.images.shape[2:]
        return f"{self.name}: {len(self.class_names)} classes, {parts} pictures of {height} x {width}, seed {self.seed}"


def load_dataset(name: str, per_class: int = 20, seed: int = 0, image_size: int = 64) -> Split:
    """Load a dataset of the offline world as a train / val / test split.

    Pictures come class by class in turn, so the 5-per-class training set is the beginning of the
    20-per-class one with the same seed. ``val`` (20 a class) and ``test`` (40 a class) do not
    depend on ``per_class``. Another seed draws other pictures of the same classes.

    Parameters
    ----------
    name : str
        ``"atlas"`` (the source, 100 classes) or a target of 17 classes, from similar to very
        different: ``"flowers"``, ``"herbarium"``, ``"plates"``, ``"tissue"``.
    per_class : int
        Training pictures of each class, 1 to 400.
    seed : int
        Which pictures are drawn.
    image_size : int
        Height and width in pixels, 16 to 512.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, a number out of range, or one that is not whole.
    """
    checks.choose("dataset", name, OFFLINE_DATASETS)
    shown = OFFLINE_DATASETS[name]
    checks.count("per_class", per_class, 1, shown.largest)
    checks.count("seed", seed, 0)
    checks.count("image_size", image_size, 16, 512)
    blocks = -(-per_class // _BLOCK)
    plan = [("train", b) for b in range(blocks)]
    plan += [("val", b) for b in range(VAL_PER_CLASS // _BLOCK)]
    plan += [("test", b) for b in range(TEST_PER_CLASS // _BLOCK)]
    drawn: dict[str, list[Tensor]] = {"train": [], "val": [], "test": []}
    for part, block in tqdm(plan, desc=f"drawing {name}", unit="block", leave=False, delay=1):
        drawn[part].append(_draw_block(name, part, block, seed, image_size))
    classes = len(shown.class_names)
    counts = {"train": per_class, "val": VAL_PER_CLASS, "test": TEST_PER_CLASS}
    sets = {}
    for part, pictures in drawn.items():
        images = torch.cat(pictures)[: counts[part] * classes]
        sets[part] = ImageSet(images, torch.arange(classes).repeat(counts[part]))
    return Split(name, shown.class_names, **sets, per_class=per_class, seed=seed)


def _draw_block(name: str, part: str, block: int, seed: int, size: int) -> Tensor:
    """Twenty pictures of every class: picture 0 of each class, then picture 1 of each, ..."""
    classes = len(OFFLINE_DATASETS[name].class_names)
    labels = torch.arange(classes).repeat(_BLOCK)
    indices = torch.arange(_BLOCK).repeat_interleave(classes) + block * _BLOCK
    key = f"{name}-{part}-{block}-seed{seed}-{size}px-{recipe()}"
    return cached("pictures", key, lambda: {"images": draw_pictures(name, part, labels, indices, seed, size)})["images"]


@cache
def recipe() -> str:
    """A fingerprint of the generator: when it changes, old pictures are not used."""
    return source_digest(chance, scene, plants, objects, specimens, world)
