"""What the folder of a photo set holds: its pictures, their classes, and what belongs together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlkit.data import cifar, spectrograms

__all__: list[str] = []


@dataclass
class Listing:
    """Pictures, as files or as records of a file, the class of each, what it belongs to, and how one is read.

    ``version`` is that of a reader of its own: what another version made is not used.
    """

    files: Sequence[Path | cifar.Record]
    classes: list[str]
    groups: list[str] = field(default_factory=list)
    read: Callable | None = None
    version: str = ""


def pictures_in(about: dict, folder: Path) -> list[Path | cifar.Record]:
    """The pictures of a set in the order of their names, as its archive lays them out.

    A copy of yours may have a folder for each class of the card instead.
    """
    files = sorted(folder.glob(about["pictures"]))
    if not files:
        files = [path for name in about.get("class_names", ()) for path in sorted(folder.glob(f"{name}/*.*"))]
    elif about["labels"] == "record":
        return cifar.records(files)
    return files


def listed(about: dict, folder: Path) -> Listing:
    """The pictures of a set with their classes.

    Raises
    ------
    ValueError
        If their classes can not be known, because some are missing.
    """
    files, labels, names = pictures_in(about, folder), about["labels"], about.get("class_names", [])
    if files and isinstance(files[0], cifar.Record):
        labels = [names[record.label] for record in files]
        return Listing(files, labels, read=cifar.read_record, version=f"records{cifar.RECORDS}")
    if labels == "name":  # 7_jackson_32.wav
        parts = [path.stem.split("_") for path in files]
        digits, speakers = [part[0] for part in parts], [part[1] for part in parts]
        version = f"spectrograms{spectrograms.SPECTROGRAMS}"
        return Listing(files, digits, speakers, spectrograms.read_spectrogram, version)
    if labels in ("folder", "record") or (files and files[0].parent.name in names):
        return Listing(files, [path.parent.name for path in files])
    if len(files) != about["images"]:  # the others count from the first picture to the last
        raise ValueError(
            f"{folder} has {len(files):,} of the {about['images']:,} pictures of {about['name']}, so their classes are "
            "not known.\nPut the whole set there, or one folder for each class with the names of its card."
        )
    if labels == "in order":
        each = about["images"] // about["classes"]
        return Listing(files, [names[row // each] for row in range(len(files))])
    from scipy.io import loadmat

    numbers = loadmat(folder / labels)["labels"][0]  # from 1 on
    return Listing(files, [names[number - 1] for number in numbers])


def file_of(file: Path | cifar.Record) -> Path:
    """The file in which a picture is."""
    return file if isinstance(file, Path) else file.path


def key_of(file: Path | cifar.Record, folder: Path) -> str:
    """What stands for the content of a file: its name and its size, so that another copy is another key."""
    path = file_of(file)
    key = f"{path.relative_to(folder).as_posix()}/{path.stat().st_size}"
    return key if isinstance(file, Path) else f"{key}/{file.row}"
