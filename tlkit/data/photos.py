"""Photo sets: real pictures with a card each, fetched once, dealt into splits like the drawn ones."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.data import decoding, pictures
from tlkit.data.depths import Reading
from tlkit.data.inventory import file_of, key_of, listed, pictures_in
from tlkit.data.photo_sets import card, folder_of, is_here
from tlkit.disk import archives, download
from tlkit.disk.cache import folder_for
from tlkit.disk.locks import locked
from tlkit.disk.tables import gathered

__all__: list[str] = []

WHOLE = 3 * 2**29  # bytes: up to here a whole set is decoded once, for every split of it
IN_MEMORY = 2**28  # bytes: a larger split is mapped from disk


def fetch(name: str) -> None:
    """Download a photo set, check it, unpack it and count its pictures.

    Raises
    ------
    ConnectionError, OSError
        See ``download.download``.
    ValueError
        If what was fetched is not what the card describes.
    """
    about = card(name)
    if is_here(name):
        print(f"{name}: already here.")
        return
    folder = folder_for("photo-sets") / name
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
        found = len(pictures_in(about, unpacked))
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
        How files are read, where it is not the usual way: new ones are to be read the same.
    groups : int64 tensor (n,), or None
        What belongs together and must not be torn apart, for example the speaker of each recording.
    """

    class_names: list[str]
    labels: Tensor
    take: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    reading: Reading | None = None
    groups: Tensor | None = None


def load(name: str, image_size: int, classes: int | Sequence[str] | None = None) -> Collection:
    """A photo set that is here, or ``digits``, as a collection; ``classes`` as in ``load_dataset``.

    Raises
    ------
    ValueError
        If it was not fetched yet, or the copy that is here lacks a class.
    """
    if name == "digits":
        return _digits(image_size, classes)
    about, folder = card(name), folder_of(name)
    if not is_here(name):
        raise ValueError(
            f"The photos of {name} are not here yet ({about['megabytes']} MB). Fetch them once, with network:\n"
            f'tlkit.fetch("{name}"), or in a terminal: python -m tlkit fetch {name}'
        )
    found = listed(about, folder)
    every = about.get("class_names") or list(dict.fromkeys(found.classes))
    names = _chosen(every, classes)
    _check_complete(name, folder, names, [label for label in every if label in set(found.classes)])
    rows = [row for row, label in enumerate(found.classes) if label in set(names)]
    files = [found.files[row] for row in rows]
    groups = sorted(set(found.groups))
    return Collection(
        names,
        torch.tensor([names.index(found.classes[row]) for row in rows]),
        taker(files, [f"{name}/{found.version}/{key_of(file, folder)}" for file in files], image_size, read=found.read),
        groups=torch.tensor([groups.index(found.groups[row]) for row in rows]) if groups else None,
    )


def examples(name: str, count: int, image_size: int, classes: int | None = None) -> Tensor:
    """One picture each of ``count`` classes, or of all, of a photo set that is here; nothing else is decoded.

    Returns
    -------
    uint8 tensor (count, 3, image_size, image_size)
    """
    if name == "digits":
        digits = _digits(image_size, classes)
        rows = torch.stack([(digits.labels == k).nonzero()[0, 0] for k in _spread(digits.class_names, count)])
        return digits.take({"examples": rows})["examples"]
    found = listed(card(name), folder_of(name))
    names = _chosen(card(name).get("class_names") or list(dict.fromkeys(found.classes)), classes)
    files = [found.files[found.classes.index(names[k])] for k in _spread(names, count)]
    read = found.read or pictures.read_picture
    return torch.stack([torch.from_numpy(read(file, image_size).copy()) for file in files])


def _spread(names: Sequence[str], count: int) -> list[int]:
    """``count`` of these, or all, from the first to the last."""
    return torch.linspace(0, len(names) - 1, min(count, len(names))).long().tolist()


def _chosen(names: list[str], classes: int | Sequence[str] | None) -> list[str]:
    """The classes that were asked for: all, the first so many, or those named."""
    if classes is None:
        return names
    if not isinstance(classes, (list, tuple)):
        return names[: checks.count("classes", classes, 2, len(names))]
    chosen = list(dict.fromkeys(checks.choose("class", name, names) for name in classes))
    checks.count("the number of different classes", len(chosen), 2)
    return chosen


def _check_complete(name: str, folder: Path, wanted: list[str], present: list[str]) -> None:
    """Refuse a copy that lacks a class: a score on fewer classes is another score."""
    missing = [label for label in wanted if label not in present]
    if missing:
        raise ValueError(
            f"The copy of {name} in {folder} lacks {len(missing)} of {len(wanted)} classes, for example {missing[0]}.\n"
            f'Ask for those that it has: load_dataset("{name}", classes={present[:20]})'
        )


def copy_of(name: str) -> dict[str, int | str]:
    """Which copy of a photo set is here: how many pictures, of how many, and a fingerprint of names and bytes.

    What was measured on a copy belongs to that copy: ``blake2b`` is the same for the same files.
    """
    if name == "digits":
        digits = _digits(8, None)
        rows = torch.arange(len(digits.labels))
        total = hashlib.blake2b(digits.take({"all": rows})["all"].numpy(), digest_size=16)
        return {"pictures": len(rows), "of": len(rows), "blake2b": total.hexdigest()}
    about, folder = card(name), folder_of(name)
    files = pictures_in(about, folder)
    total = hashlib.blake2b(digest_size=16)
    for path in dict.fromkeys(map(file_of, files)):
        total.update(f"{path.relative_to(folder).as_posix()}/".encode() + path.read_bytes())
    return {"pictures": len(files), "of": about["images"], "blake2b": total.hexdigest()}


def _digits(image_size: int, classes: int | Sequence[str] | None) -> Collection:
    """The scans of handwriting that come with scikit-learn, enlarged from 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    every = [str(name) for name in found.target_names]
    names = _chosen(every, classes)
    keep = torch.tensor([every[label] in names for label in found.target])
    small = torch.from_numpy(255 - found.images * 255 / 16).float()[keep, None]  # dark ink on white paper
    table = nn.functional.interpolate(small, size=image_size, mode="bicubic").clamp(0, 255).round().to(torch.uint8)
    return Collection(
        names,
        torch.tensor([names.index(every[label]) for label in torch.from_numpy(found.target)[keep].tolist()]),
        lambda parts: {part: table[rows].repeat(1, 3, 1, 1) for part, rows in parts.items()},
    )


def taker(
    files: Sequence,
    keys: Sequence[str],
    image_size: int,
    reading: Reading | None = None,
    read: Callable[..., np.ndarray] | None = None,
) -> Callable:
    """The ``take`` of a collection of files; ``keys``, ``reading`` and ``read`` as in ``decoding.decode``.

    A collection of moderate size is decoded once, and every split takes its rows from there. Of a
    larger one only what a split needs is decoded, in the order of the split, and stays on disk. A split
    of more than ``IN_MEMORY`` bytes is mapped: memory does not grow with the number of pictures.
    """

    def take(parts: dict[str, Tensor]) -> dict[str, Tensor]:
        rows = torch.cat(list(parts.values()))
        if len(files) * 3 * image_size**2 <= WHOLE:
            table = decoding.decode(files, keys, image_size, reading, read)
            if len(rows) * 3 * image_size**2 <= IN_MEMORY:
                return {part: table[mine] for part, mine in parts.items()}
            images = gathered(table, rows)
        else:
            some = [files[row] for row in rows.tolist()], [keys[row] for row in rows.tolist()]
            images = decoding.decode(*some, image_size, reading, read)
        return dict(zip(parts, images.split([len(mine) for mine in parts.values()])))

    return take
