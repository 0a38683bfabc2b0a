"""Photo sets: real pictures with a card each, fetched once, dealt into splits like the drawn ones."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from tlkit import archives, checks, download, pictures
from tlkit.cache import cache_folder, shared_folder
from tlkit.cards import read_card
from tlkit.course import COURSE
from tlkit.depths import Reading
from tlkit.locks import locked

__all__: list[str] = []

PHOTO_SETS = ("flowers17", "hymenoptera", "flowers102", "eurosat", "dtd", "histology")
_IN_MEMORY = 3 * 2**29  # bytes: up to here a whole set is decoded once, for every split of it


@cache
def card(name: str) -> dict:
    """The card of a photo set, ``datasets/NAME.toml``."""
    return read_card(COURSE / "datasets" / f"{checks.choose('photo set', name, PHOTO_SETS)}.toml")


def folder_of(name: str) -> Path:
    """Where a photo set lies, in the class's folder or in your own, or would lie, once it is fetched."""
    shared = shared_folder()
    if shared and (shared / "photo-sets" / name).is_dir():
        return shared / "photo-sets" / name
    return cache_folder() / "photo-sets" / name


def is_here(name: str) -> bool:
    """Whether a photo set is complete; asks no network."""
    return folder_of(name).is_dir()


def fetch(name: str) -> None:
    """Download a photo set, check it, unpack it and count its pictures.

    Raises
    ------
    ConnectionError, OSError
        See ``download.download``.
    ValueError
        If what was fetched is not what the card describes.
    """
    about, folder = card(name), folder_of(name)
    if is_here(name):
        print(f"{name}: already here.")
        return
    folder.parent.mkdir(exist_ok=True)
    with locked(folder.with_name(f"{name}.lock")):
        if not is_here(name):
            _fetch_and_unpack(about, folder)
    print(f"{name}: {about['images']:,} pictures are here ({about['megabytes']} MB fetched).")


def _fetch_and_unpack(about: dict, folder: Path) -> None:
    fetched = []
    for source in about["file"]:
        path = folder.parent / f"{folder.name}-downloads" / source["name"]
        fetched.append(download.download(source["urls"], path, source.get("checksum", ""), source.get("bytes", 0)))
    main, *others = fetched
    try:
        unpacked = archives.unpack(main, folder.with_name(f".{folder.name}-unpacked"))
        for other in others:
            shutil.copy(other, unpacked)
        found = len(_files(about, unpacked)[0])
    except ValueError:
        main.unlink()  # or the next call would find it, and fail in the same way
        raise
    if found != about["images"]:
        shutil.rmtree(unpacked)
        main.unlink()
        raise ValueError(
            f"{main.name} holds {found:,} pictures, but {about['images']:,} were expected: it is another file.\n"
            "It was deleted. Run the same command again."
        )
    unpacked.replace(folder)
    shutil.rmtree(main.parent)


def _files(about: dict, folder: Path) -> tuple[list[Path], list[str]]:
    """The pictures of a set in the order of their names, and the class of each."""
    files = sorted(folder.glob(about["pictures"]))
    if about["labels"] == "folder":
        return files, [path.parent.name for path in files]
    if about["labels"] == "in order":
        each = about["images"] // about["classes"]
        return files, [about["class_names"][min(row // each, about["classes"] - 1)] for row in range(len(files))]
    from scipy.io import loadmat

    numbers = loadmat(folder / about["labels"])["labels"][0]  # from 1 on
    return files, [about["class_names"][number - 1] for number in numbers]


@dataclass(frozen=True)
class Collection:
    """Pictures with labels, ready to be dealt into splits of any seed and size.

    Attributes
    ----------
    class_names : list of str, one a label
    labels : int64 tensor (n,)
    take : function
        From a dict of parts to rows, int64 ``(m,)``, to a dict of the same parts to their pictures,
        uint8 ``(m, 3, h, w)``.
    reading : Reading or None
        How pictures of more than 8 bits are read, if there are any: new ones are to be read the same.
    """

    class_names: list[str]
    labels: Tensor
    take: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    reading: Reading | None = None


def load(name: str, image_size: int) -> Collection:
    """A photo set that is here, or ``digits``, as a collection.

    Raises
    ------
    ValueError
        If it was not fetched yet.
    """
    if name == "digits":
        return _digits(image_size)
    about, folder = card(name), folder_of(name)
    if not is_here(name):
        raise ValueError(
            f"The photos of {name} are not here yet ({about['megabytes']} MB). Fetch them once, with network:\n"
            f'tlkit.fetch("{name}"), or in a terminal: python -m tlkit fetch {name}'
        )
    files, classes = _files(about, folder)
    names = about.get("class_names") or list(dict.fromkeys(classes))
    labels = torch.tensor([names.index(label) for label in classes])
    keys = [f"{about['file'][0].get('checksum') or name}/{path.relative_to(folder)}" for path in files]
    return Collection(names, labels, taker(files, keys, image_size))


def _digits(image_size: int) -> Collection:
    """The scans of handwriting that come with scikit-learn, enlarged from 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    small = torch.from_numpy(255 - found.images * 255 / 16).float()[:, None]  # dark ink on white paper
    table = nn.functional.interpolate(small, size=image_size, mode="bicubic").clamp(0, 255).round().to(torch.uint8)
    labels = torch.from_numpy(found.target).long()
    names = [str(name) for name in found.target_names]
    return Collection(
        names, labels, lambda parts: {part: table[rows].repeat(1, 3, 1, 1) for part, rows in parts.items()}
    )


def taker(files: Sequence[Path], keys: Sequence[str], image_size: int, reading: Reading | None = None) -> Callable:
    """The ``take`` of a collection of files; ``keys`` stand for the content of each, ``reading`` for how it is read.

    A collection of moderate size is decoded once, and every split takes its rows from there. Of a
    larger one only what a split needs is decoded, in the order of the split, and stays on disk:
    memory does not grow with the number of pictures.
    """

    def take(parts: dict[str, Tensor]) -> dict[str, Tensor]:
        if len(files) * 3 * image_size**2 <= _IN_MEMORY:
            table = pictures.decode(files, keys, image_size, reading)
            return {part: table[rows] for part, rows in parts.items()}
        order = torch.cat(list(parts.values())).tolist()
        table = pictures.decode([files[row] for row in order], [keys[row] for row in order], image_size, reading)
        return dict(zip(parts, table.split([len(rows) for rows in parts.values()])))

    return take


def deal(
    labels: Tensor, classes: int, per_class: int | None, seed: int, cut: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Deal rows into train, val and test, class by class.

    Half of a class or more is for training; at most an eighth goes to val and three eighths to
    test, less where that would make the test set larger than about a thousand pictures. Of a set that
    is cut already, val and test stay as they are, and one that is missing is dealt from train.

    Parameters
    ----------
    labels : int64 tensor (n,), every class often enough for one in each part that is dealt
    classes : how many there are
    per_class : training pictures of each class at most; None for all
    seed : which pictures go where
    cut : dict from "train", and "val" or "test" if there are such parts, to their rows

    Returns
    -------
    dict from part to int64 tensor of rows
        Class by class in turn, so that fewer per class are the beginning of more.
    """
    random = torch.Generator().manual_seed(seed)
    cut = {"train": torch.arange(len(labels))} if cut is None else cut
    dealt: dict[str, list[tuple[int, int, int]]] = {"train": [], "val": [], "test": []}
    for label in range(classes):
        own = {part: rows[labels[rows] == label].tolist() for part, rows in cut.items()}
        mixed = torch.randperm(len(own["train"]), generator=random).tolist()
        rows = [own["train"][k] for k in mixed]
        for part, count in zip(("test", "val"), held_out(len(rows), classes)):
            if part not in own:
                own[part], rows = rows[:count], rows[count:]
        own["train"] = rows[:per_class]
        for part, chosen in own.items():
            dealt[part] += [(rank, label, row) for rank, row in enumerate(chosen)]
    return {part: torch.tensor([row for _, _, row in sorted(chosen)]) for part, chosen in dealt.items()}


def held_out(pictures_of_class: int, classes: int) -> tuple[int, int]:
    """How many pictures of a class go to test and to val."""
    test = max(1, min(pictures_of_class * 3 // 8, max(40, 1000 // classes)))
    return test, max(1, min(pictures_of_class // 8, test // 3))
