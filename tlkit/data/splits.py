"""Datasets as a split in train, val and test, and the cards that describe them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from tlkit import checks
from tlkit.bars import tqdm
from tlkit.data import dealing, photos
from tlkit.data.depths import Reading
from tlkit.data.photo_sets import PHOTO_SETS
from tlkit.disk.cache import cached
from tlkit.disk.spelling import few
from tlkit.world import WORLD
from tlkit.world.catalogue import OFFLINE_DATASETS, draw_pictures
from tlkit.world.faces import FACE_SETS, FACES, draw_faces

__all__ = ["ImageSet", "Split", "load_dataset"]

VAL_PER_CLASS, TEST_PER_CLASS = 20, 40
_DRAWN = {**OFFLINE_DATASETS, **FACE_SETS}
_BLOCK = 20  # pictures a class that are drawn and kept together, at most


@dataclass(frozen=True)
class ImageSet:
    """Pictures with their labels.

    Attributes
    ----------
    images : uint8 tensor (n, 3, h, w), values 0 to 255
    labels : int64 tensor (n,), values 0 to k - 1
    class_names : tuple of str, one a label, or None where nobody knows them
        A split gives its own to its parts. Where two sets are known, labels are compared by name.
    groups : int64 tensor (n,) or None
        What pictures belong together: the same number for the same speaker, patient or burst.

    Raises
    ------
    ValueError, TypeError
        For pictures of another shape or dtype, or labels that do not match them.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...] | None = field(default=None, repr=False, compare=False)
    groups: Tensor | None = field(default=None, repr=False, compare=False)
    _made_by = "split.train, split.val and split.test are some; of tensors: tlkit.ImageSet(images, labels)."

    def __post_init__(self) -> None:
        checks.images(self.images)
        checks.labels(self.labels, len(self.images))
        if self.groups is not None:
            checks.labels(self.groups, len(self.images), "groups")
        if self.class_names is not None:
            names = checks.texts("class_names", self.class_names, fewest=int(self.labels.max()) + 1)
            object.__setattr__(self, "class_names", tuple(names))

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, per_class: int) -> "ImageSet":
        """The first ``per_class`` pictures of every class."""
        checks.count("per_class", per_class, 1)
        rank = torch.zeros_like(self.labels)
        for label in self.labels.unique():
            mine = self.labels == label
            rank[mine] = torch.arange(int(mine.sum()))
        return self.where(rank < per_class)

    def where(self, rows: Tensor) -> "ImageSet":
        """Some of the pictures: bool ``(n,)``, or their rows, int64 ``(m,)``."""
        groups = None if self.groups is None else self.groups[rows]
        return ImageSet(self.images[rows], self.labels[rows], self.class_names, groups)

    def labels_as(self, class_names: Sequence[str] | None) -> Tensor:
        """The labels as numbers of other class names: by name, so that the order of a folder does not matter.

        Raises
        ------
        ValueError
            If a picture is of a class that is not among them.
        """
        if class_names is None or self.class_names is None:
            return self.labels
        class_names = checks.texts("class_names", class_names)
        if tuple(class_names) == self.class_names:
            return self.labels
        number = {name: k for k, name in enumerate(class_names)}
        strange = [name for name in (self.class_names[k] for k in self.labels.unique()) if name not in number]
        if strange:
            raise ValueError(
                f"These pictures are of classes that the network was not trained on: {few(strange, 3)}.\n"
                f"It knows: {few(class_names)}. Score it on pictures of these classes, called the same."
            )
        order = torch.tensor([number.get(name, -1) for name in self.class_names])
        return order[self.labels]


@dataclass(frozen=True)
class Split:
    """A dataset cut in three: train to fit, val to choose, test to open once at the end.

    Attributes
    ----------
    name : str
    class_names : list of str, one a label
    train, val, test : ImageSet
    per_class, seed : int
        What the split was made with; the same two give the same split again. Where classes differ
        in size, ``per_class`` is their mean, as it is by default, and ``fewest`` the training pictures of the smallest.
    draw : function from seed to Split, or None
        Makes the same kind of split with another seed; ``compare`` calls it. None for a set that came
        cut into parts: there is one cut.
    report : FolderReport or None
        Of a folder of yours: what was read, and what was not.
    reading : Reading or None
        How photo files were read, where they were not cropped or had more than 8 bits; ``read_picture`` takes it.
    """

    name: str
    class_names: list[str]
    train: ImageSet
    val: ImageSet
    test: ImageSet
    per_class: int | None = None
    seed: int = 0
    draw: "Callable[[int], Split] | None" = field(default=None, repr=False, compare=False)
    report: object = field(default=None, repr=False, compare=False)
    reading: Reading | None = field(default=None, repr=False, compare=False)
    _made_by = (
        "tlkit.load_dataset(name) and tlkit.load_folder(folder) make one.\n"
        "Of arrays, or a dataset of another library: tlkit.load_arrays(images, labels), tlkit.load_arrays(dataset)."
    )

    def __post_init__(self) -> None:
        checks.text(name=self.name)
        names = tuple(checks.texts("class_names", self.class_names))
        for part in ("train", "val", "test"):
            checks.instance(part, getattr(self, part), ImageSet)
        if self.per_class is None:
            object.__setattr__(self, "per_class", max(1, round(len(self.train) / len(names))))
        checks.count("per_class", self.per_class, 1)
        checks.seed(self.seed)
        checks.function("draw", self.draw)
        for part in ("train", "val", "test"):
            if getattr(self, part).class_names != names:
                object.__setattr__(self, part, replace(getattr(self, part), class_names=names))

    @property
    def fewest(self) -> int:
        """Training pictures of the smallest class."""
        return int(torch.bincount(self.train.labels, minlength=len(self.class_names)).min())

    def __repr__(self) -> str:
        parts = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in ("train", "val", "test"))
        height, width = self.train.images.shape[2:]
        return f"{self.name}: {len(self.class_names)} classes, {parts} pictures of {height} x {width}, seed {self.seed}"


def load_dataset(
    name: str,
    per_class: int = 20,
    seed: int = 0,
    image_size: int | None = None,
    classes: int | Sequence[str] | None = None,
) -> Split:
    """Load a dataset as a train / val / test split: drawn pictures, or photos that were fetched.

    Pictures come class by class in turn, so the 5-per-class training set is the beginning of the
    20-per-class one with the same seed. ``val`` and ``test`` do not depend on ``per_class``: 20 and
    40 a class of drawn pictures, an eighth and three eighths of the photos of a class. Another seed
    draws, or deals, other pictures of the same classes. Of a person in ``"faces"`` there are ten
    pictures in all: 5, 2 and 3.

    Parameters
    ----------
    name : str
        Drawn: ``"atlas"`` (the source, 100 classes) or a target of 17 classes, from similar to very
        different: ``"flowers"``, ``"herbarium"``, ``"plates"``, ``"tissue"``. Drawn people:
        ``"faces"`` (200) and, as a source, ``"portraits"`` (300 others). Real, and here without
        network: ``"digits"``. Real, after ``tlkit.fetch(name)``: ``"flowers17"``, ``"hymenoptera"``,
        ``"flowers102"``, ``"cifar10"``, ``"eurosat"``, ``"dtd"``, ``"histology"``; and, as spectrograms,
        the recordings ``"spoken_digits"``, of which a speaker is in one of the three parts only.
    per_class : int
        Training pictures of each class: 1 to 400 if drawn (``faces`` 5, ``portraits`` 100); of photos, at most what
        val and test leave of the smallest class.
    seed : int
        Which pictures are drawn, or how they are dealt.
    image_size : int, optional
        Height and width in pixels, 16 to 512; 64 by default, 224 for photos. What a backbone was
        trained on is its ``image_size``.
    classes : int or list of str, optional
        Of a photo set, the first so many classes of its card, or those named; all by default.

    Raises
    ------
    ValueError, TypeError
        For an unknown name or class, photos that are not here, a number out of range, or one that is not whole.
    """
    checks.choose("dataset", name, [*_DRAWN, "digits", *PHOTO_SETS])
    checks.seed(seed)
    usual = 224 if name in PHOTO_SETS else 64
    size = checks.count("image_size", usual if image_size is None else image_size, 16, 512)
    draw = partial(load_dataset, name, per_class, image_size=size, classes=classes)
    if name not in _DRAWN:
        collection = photos.load(name, size, classes)
        checks.count("per_class", per_class, 1, _most_of(collection, seed))
        return split_of(collection, name, per_class, seed, draw)
    if classes is not None:
        raise ValueError(f"classes= chooses among those of a photo set. {name} is drawn: take all its classes.")
    shown = _DRAWN[name]
    checks.count("per_class", per_class, 1, shown.largest)
    classes = len(shown.class_names)
    counts = _most(name) | {"train": per_class}
    plan = [(part, block) for part, count in counts.items() for block in range(-(-count // _BLOCK))]
    drawn: dict[str, list[Tensor]] = {part: [] for part in counts}
    for part, block in tqdm(plan, desc=f"drawing {name}", unit="block", leave=False, delay=1):
        drawn[part].append(_draw_block(name, part, block, seed, size))
    sets = {
        part: ImageSet(torch.cat(blocks)[: counts[part] * classes], torch.arange(classes).repeat(counts[part]))
        for part, blocks in drawn.items()
    }
    return Split(name, shown.class_names, **sets, per_class=per_class, seed=seed, draw=draw)


def largest_of(name: str, classes: int | Sequence[str] | None = None) -> int:
    """The training pictures of a class that a photo set that is here has for every seed."""
    collection = photos.load(name, 16, classes)
    return min(_most_of(collection, seed) for seed in range(10 if collection.groups is not None else 1))


def _most_of(collection: photos.Collection, seed: int) -> int:
    """What val and test of this seed leave of the smallest class."""
    return int(collection.labels[_deal(collection, None, seed)["train"]].bincount().min())


def split_of(
    collection: photos.Collection,
    name: str,
    per_class: int | None,
    seed: int,
    draw: Callable[[int], Split] | None,
    report: object = None,
    rows: dict[str, Tensor] | None = None,
) -> Split:
    """Make a split of a collection of pictures: of the rows of each part, or dealt by the seed."""
    rows = _deal(collection, per_class, seed) if rows is None else rows
    taken = collection.take(rows)
    of = collection.groups
    sets = {
        part: ImageSet(taken[part], collection.labels[rows[part]], groups=None if of is None else of[rows[part]])
        for part in rows
    }
    about = dict(seed=seed, draw=draw, report=report, reading=collection.reading)
    return Split(name, collection.class_names, **sets, **about)


def _deal(collection: photos.Collection, per_class: int | None, seed: int) -> dict[str, Tensor]:
    """The rows of each part."""
    labels, classes = collection.labels, len(collection.class_names)
    if collection.groups is None:
        return dealing.deal(labels, classes, per_class, seed)
    return dealing.deal_groups(labels, collection.class_names, per_class, collection.groups, seed)


def _most(name: str) -> dict[str, int]:
    """How many pictures of a class there are in each part of a drawn dataset, at most."""
    val, test = (FACE_SETS[name].val, FACE_SETS[name].test) if name in FACE_SETS else (VAL_PER_CLASS, TEST_PER_CLASS)
    return {"train": _DRAWN[name].largest, "val": val, "test": test}


def _draw_block(name: str, part: str, block: int, seed: int, size: int) -> Tensor:
    """Up to twenty pictures of every class: picture 0 of each class, then picture 1 of each, ..."""
    classes, count = len(_DRAWN[name].class_names), min(_BLOCK, _most(name)[part])
    labels = torch.arange(classes).repeat(count)
    indices = torch.arange(count).repeat_interleave(classes) + block * _BLOCK
    key = f"{name}-{part}-{block}-{count}each-seed{seed}-{size}px-{painter_version(name)}"
    draw = draw_faces if name in FACE_SETS else draw_pictures
    return cached("pictures", key, lambda: {"images": draw(name, part, labels, indices, seed, size)})["images"]


def painter_version(name: str = "atlas") -> str:
    """The version of the painter of a drawn dataset, as ``world1``: pictures of another version are not used.

    Faces have a version of their own: the measured map belongs to that of the offline world.
    """
    return f"faces{FACES}" if name in FACE_SETS else f"world{WORLD}"
