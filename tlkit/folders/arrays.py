"""Pictures that are no folder: arrays, an ``.npz``, or a dataset of another library become a split, with a report."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from tlkit.bars import tqdm
from tlkit.data import photos, pixels, splits
from tlkit.data.pictures import BadPicture
from tlkit.disk import spelling
from tlkit.folders import annotations, copies, looks
from tlkit.folders.kept import Found, check_asked, classes_of, cut_of, each_once, note_parts, one_reading
from tlkit.folders.listing import FolderReport, Item
from tlkit.folders.looks import Seen
from tlkit.folders.sources import Source, sources_of

__all__ = ["load_arrays"]

_AGAIN = 4  # pictures at each end that are looked at twice
_ONE_AT_A_TIME = threading.Lock()  # a dataset need not stand being read by two threads


class _Handle(NamedTuple):
    """Where a picture is."""

    source: Source
    number: int


def load_arrays(
    images: object,
    labels: object = None,
    class_names: Sequence[str] | Mapping | None = None,
    groups: object = None,
    per_class: int | None = None,
    seed: int = 0,
    image_size: int = 224,
    quiet: bool = False,
    fit: str = "crop",
    near_copies: bool = True,
) -> splits.Split:
    """Make a split of pictures that are no folder, as ``load_folder`` makes one of files.

    Every picture is looked at once, and treated as a file of the same pixels would be: what can not be used, and
    what is there twice, is left out, and a report says so. It is printed, and is the split's ``report``. A set that
    comes in parts stays as it is cut; one that is missing is dealt from train.

    Parameters
    ----------
    images : array, dataset, path, or dict of these
        Pictures, as NumPy array or tensor ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``, or as a list, with
        ``labels``. Or a dataset, the rows of which are (picture, label), as torchvision's, or dicts, as those of
        Hugging Face. Or the path of an ``.npz`` with ``train_images``, ``train_labels`` and so on, as of MedMNIST, or
        ``images`` and ``labels``. Or a dict from ``"train"``, and ``"val"`` or ``"test"``, to datasets or to
        (images, labels).
        Bytes are 0 to 255; whole numbers of more bits, and floats, are scaled by one rule for the whole set, which
        the report says: floats up to 1 have 1 as white. Floats below 0 are refused: they were normalised.
    labels : array, tensor or list (n,) or (n, 1), or str
        A whole number or a text for each picture; of a dataset of dicts, the name of the column.
    class_names : list of str, or dict from label to str, optional
        The names of the labels 0, 1, 2, ...; by default those that the dataset has, or else the labels.
    groups : array or list (n,), or str, optional
        What each picture belongs to, a text or a whole number, so that no group is in two parts; of a dataset of
        dicts, the name of the column; of a dict of parts, a dict.
    per_class, seed, image_size, quiet, fit, near_copies
        As for ``load_folder``.

    Raises
    ------
    ValueError, TypeError
        For what can not be read as pictures and labels, labels without a name, fewer than two classes with
        pictures enough, an ``.npz`` that is damaged, holds Python objects or is too large for memory.
    OSError
        If the disk has no room for the scaled pictures.
    """
    check_asked(per_class, seed, image_size, fit, quiet=quiet, near_copies=near_copies)
    sources = sources_of(images, labels, groups)
    known = _names(class_names, sources)
    report = FolderReport()
    found = each_once(_looked_at(sources, known, report), report)
    found, reading = one_reading(found, fit, report)
    names, numbers, kept = classes_of(found, report, _order(known))
    cut = cut_of(kept)
    if len(names) < 2:
        if not quiet:
            print(report)
        raise _too_few(names, report)
    handles = [item.path for item, _ in kept]
    take = photos.taker(handles, [seen.checksum for _, seen in kept], image_size, reading, _reader(reading))
    alike = copies.copies_among(kept, image_size, reading, _reader) if near_copies else None
    how = per_class, seed, groups is not None, cut, report
    rows, together = copies.deal_kept(kept, alike, numbers, names, *how)
    collection = photos.Collection(names, numbers, take, reading, together)
    deal = partial(copies.deal, numbers, names, per_class, together=together, grouped=groups is not None)
    note_parts(kept, rows, numbers, names, report)
    report.notes += looks.describe_cut([seen for _, seen in kept]) if fit == "crop" else []
    if not quiet:
        print(report)
    name = next(iter(sources.values())).name
    draw = None if cut else partial(_again, collection, name, deal)
    return splits.split_of(collection, name, per_class, seed, draw, report, rows)


def _names(given: Sequence[str] | Mapping | None, sources: dict[str | None, Source]) -> dict[str | None, dict | None]:
    """The name of each label, part by part: a test set that lacks a class counts its own from 0 as well."""
    known = next((source.class_names for source in sources.values() if source.class_names), None)
    if given is not None:
        return dict.fromkeys(sources, annotations.names_of(given))
    return {part: annotations.names_of(source.class_names or known) for part, source in sources.items()}


def _order(known: dict[str | None, dict | None]) -> Callable[[Iterable[str]], list[str]]:
    """How classes are put in order: as their numbers are, where these have names."""
    names = list(dict.fromkeys(name for of_part in known.values() for name in (of_part or {}).values()))
    return partial(sorted, key=names.index) if names else spelling.in_order


def _again(collection: photos.Collection, name: str, deal: Callable, seed: int) -> splits.Split:
    """The same pictures, dealt by another seed."""
    return splits.split_of(collection, name, None, seed, partial(_again, collection, name, deal), rows=deal(seed))


def _looked_at(sources: dict[str | None, Source], names: dict[str | None, dict | None], report: FolderReport) -> Found:
    """All pictures with class, part and what a look at each gave; those without a label go to the report."""
    found = []
    total = sum(source.count for source in sources.values())
    with tqdm(total=total, desc="looking at pictures", unit="picture", leave=False, delay=1) as bar:
        for part, source in sources.items():
            for k in range(source.count):
                bar.update(1)
                called = f"{part + ' ' if part else ''}picture {k}"
                try:
                    picture, label, group = source.row(k)
                except MemoryError:
                    raise
                except Exception as error:  # whatever a dataset of another library raises for a damaged picture
                    report.left_out[called] = f"the dataset could not give it ({type(error).__name__}: {error})"
                    continue
                label = annotations.label_of(label, names[part], called)
                if label is None:
                    report.left_out[called] = "it has no label"
                    continue
                item = Item(_Handle(source, k), called, label, part, annotations.group_of(group, called))
                found.append((item, _seen(picture)))
    _check_the_same_again(found)
    return found


def _check_the_same_again(found: Found) -> None:
    """Refuse a dataset that gives another picture each time: its augmentation would be in val and test as well."""
    for item, seen in [*found[:_AGAIN], *found[-_AGAIN:]]:
        if seen.checksum != _seen(item.path.source.row(item.path.number)[0]).checksum:
            raise ValueError(
                f"Two looks at {item.name} gave two pictures: the dataset's transform is random, in val and test too.\n"
                "Leave it out, dataset.transform = None, and augment in training: augmentation=tlkit.Augmentation(...)."
            )


def _seen(picture: object) -> Seen:
    try:
        checksum, found = pixels.look(picture)
    except BadPicture as error:
        return Seen("", str(error))
    return Seen(f"pixels/{checksum}", "", found.depth, found.pages, found.size)


def _reader(reading: object) -> Callable:
    return partial(_read, reading=reading)


def _read(handle: _Handle, size: int, reading: object) -> object:
    with _ONE_AT_A_TIME:
        picture = handle.source.row(handle.number)[0]
    return pixels.square(picture, size, reading)


def _too_few(names: list[str], report: FolderReport) -> ValueError:
    example = next((f"{name}: {why}" for name, why in report.left_out.items()), "nothing")
    return ValueError(
        f"The labels have too few classes of three pictures or more ({len(names)}); a classifier needs at least two.\n"
        f"Left out were {len(report.left_out):,}: {example}."
    )
