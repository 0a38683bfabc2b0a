"""Your own pictures: a folder with one subfolder a class, a set that is cut into parts, a table, or a zip of these."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from tlkit import checks
from tlkit.data import dealing, depths, photos
from tlkit.data.splits import Split, split_of
from tlkit.disk import archives, limits, spelling
from tlkit.disk.cache import find, folder_for
from tlkit.disk.spelling import few
from tlkit.folders import looks, parts
from tlkit.folders.file_tables import ENDINGS, items_of_table
from tlkit.folders.from_path import reader
from tlkit.folders.groups import Groups, groups_of, note_groups, note_suspicion, numbered
from tlkit.folders.listing import FolderReport, Item, Place, items_of_folder, subfolders
from tlkit.folders.looks import Seen
from tlkit.folders.part_names import PARTS

__all__ = ["FolderReport", "load_folder"]

Found = list[tuple[Item, Seen]]


def load_folder(
    path: str | Path | None = None,
    per_class: int | None = None,
    seed: int = 0,
    image_size: int = 224,
    quiet: bool = False,
    *,
    train: str | Path | None = None,
    val: str | Path | None = None,
    test: str | Path | None = None,
    groups: Groups | None = None,
    fit: str = "crop",
) -> Split:
    """Make a split of your own pictures, stratified by class.

    A set that is cut already, by folders or a column called train, val and test in most languages,
    stays as it is: its val and test are taken whole, one that is missing is dealt from train, class
    by class, and the split's ``draw`` is None, because there is one cut. Otherwise the pictures are
    dealt by the seed.

    Every file is opened once to see whether it can be used; what can not is left out, and a report
    says why, and how everything was read. It is printed and is the split's ``report``. Of files with
    the same bytes one is kept, or none if they are in two classes; in two parts, the one in test, then
    that in val. A copy that was scaled or saved again is not noticed. A class that has too few pictures
    for the parts is left out. Pictures of 10 to 16 bits, or of floats, are scaled by one rule for the
    whole set. That rule and ``fit`` are ``split.reading``: what is trained on the split, and kept by
    ``save_model``, reads new photos in the same way.

    Parameters
    ----------
    path : str or Path
        A folder with one subfolder for each class; one with such folders for train, val and test; a
        table (CSV, TSV, JSON lines) with a column of files, relative to it, and one of labels; or a zip
        of any of these.
    per_class : int, optional
        Training pictures of each class at most; by default all that are not held out. About an
        eighth of each class is for val, and three eighths for test, fewer of large classes.
    seed : int
        How the pictures are dealt.
    image_size : int
        Height and width in pixels, 16 to 512: that of the backbone, ``backbone.image_size``.
    quiet : bool
        True prints no report.
    train, val, test : str or Path, optional
        Instead of ``path``: the folder, table or zip of each part. The subfolders of ``train`` are the
        classes, whatever they are called; val and test may lack some of them.
    groups : str, pattern or function, optional
        What belongs together, such as all pictures of one patient, speaker, leaf or film: no group is ever on two
        sides of the split. ``"folders"``: the folders below the classes. A column of the table. A regular expression
        with one bracket, searched for in the path of each file, as ``r"patient([0-9]+)"``; or a function of that path,
        which is relative to ``path``. The same name in two classes is the same group. The parts carry the groups.
    fit : {"crop", "pad", "squash"}
        How a picture becomes a square: its middle, as ImageNet's networks are tested; the whole
        picture between borders in the colour of its edges; or the whole picture, stretched. The report
        says how much ``"crop"`` leaves out where it is more than a quarter of the area.

    Raises
    ------
    ValueError
        If there is no such folder, fewer than two classes with pictures enough, folders that may be
        parts or classes, parts that share no class, or a zip that is damaged, writes outside of its
        folder, names files there or holds far more than its size promises (``TLKIT_LIMITS=10`` raises all limits).
    OSError
        If the disk has no room for the decoded pictures.
    """
    if per_class is not None:
        checks.count("per_class", per_class, 1)
    checks.seed(seed)
    checks.flag(quiet=quiet)
    checks.count("image_size", image_size, 16, 512)
    checks.choose("fit", fit, depths.FITS)
    if groups is not None and not isinstance(groups, str):
        reader("groups", groups)
    given = {part: _absolute(one) for part, one in zip((None, *PARTS), (path, train, val, test)) if one is not None}
    _check_given(given)
    report = FolderReport()
    base, items = _listed(given, report, groups)
    found = _usable(base, items, report)
    found, reading = _one_reading(found, fit, report)
    names, labels, kept = _classes(found, report)
    cut = _cut(kept)
    if len(names) < 2:
        if not quiet:
            print(report)
        raise _too_few(next(iter(given.values())), names, report, cut)
    of = [item.group for item, _ in kept]
    together = None if groups is None else numbered(of)
    if together is None:
        rows = dealing.deal(labels, len(names), per_class, seed, cut)
        note_suspicion([item for item, _ in kept], report)
    else:
        rows = dealing.deal_groups(labels, names, per_class, together, seed, cut)
        note_groups(of, rows, report)
    _note_parts(kept, rows, labels, names, report)
    report.notes += looks.describe_cut([seen for _, seen in kept]) if fit == "crop" else []
    if not quiet:
        print(report)
    files, keys = [item.path for item, _ in kept], [seen.checksum for _, seen in kept]
    collection = photos.Collection(names, labels, photos.taker(files, keys, image_size, reading), reading, together)
    first = given.get(None, given.get("train"))
    same = dict(image_size=image_size, quiet=True, train=given.get("train"), groups=groups, fit=fit)
    again = partial(load_folder, given.get(None), per_class, **same)
    return split_of(collection, first.stem, per_class, seed, None if cut else again, report, rows)


def _absolute(path: str | Path) -> Path:
    # A later draw may be asked for from another folder.
    return checks.path("the path of a folder, a table or a zip", path).absolute()


def _check_given(given: dict[str | None, Path]) -> None:
    if (None in given) == ("train" in given) or (None in given and len(given) > 1):
        raise ValueError(
            "load_folder takes one path, or the parts by name: load_folder(train=..., val=..., test=...).\n"
            "val and test may be missing: they are dealt from train."
        )
    for path in given.values():
        if not path.exists():
            raise ValueError(f"There is no folder or file {path}. You are in {Path.cwd()}.")
        if not path.is_dir():
            limits.check_is_file(path)
    if len(set(given.values())) < len(given):
        raise ValueError("Two of train, val and test are the same path. A picture can be in one part only.")


def _listed(given: dict[str | None, Path], report: FolderReport, groups: Groups | None) -> tuple[Path, list[Item]]:
    """All files of a set with label, part and group, and the folder that they are counted to."""
    items: list[Item] = []
    known: list[str] = []
    for part, path in given.items():
        root, inside = _unpacked(path, report)
        if part is None:
            base, places = parts.find_places(root, report)
        else:
            base, places = root if root.is_dir() else root.parent, parts.places_of(root, part, report, known)
            known += [folder.name for folder in subfolders(places[0].path)] if places[0].path.is_dir() else []
        for place in places:
            items += _items(place, base, report, inside, groups)
    if set(given) == {"train"}:  # nothing is cut: all of it is dealt
        items = [replace(item, part=None) for item in items]
    if groups is not None and not any(item.group for item in items):
        items = [replace(item, group=group) for item, group in zip(items, groups_of(groups, items))]
    return base, items


def _items(place: Place, base: Path, report: FolderReport, inside: Path | None, groups: Groups | None) -> list[Item]:
    if place.path.is_file():
        return list(items_of_table(place, report, inside, groups))
    return list(items_of_folder(place, base, report))


def _unpacked(path: Path, report: FolderReport) -> tuple[Path, Path | None]:
    """A folder or table; where it came out of an archive also the folder that it may not name files outside of."""
    if path.is_dir() or path.suffix.lower() in ENDINGS:
        return path, None
    if not archives.is_archive(path):
        raise ValueError(
            f"{path.name} is damaged, or is no zip or tar archive; nor is it a folder, CSV, TSV or JSON lines.\n"
            "Give a folder with one subfolder for each class, or a zip of one."
        )
    encoding = archives.encoding_of_names(path)
    if encoding:
        report.notes.append(f"The names in {path.name} do not say how they are written; they were read as {encoding}.")
    name = f"{path.stem[:50]}-{looks.checksum(path)}-{archives.NAMES}"
    folder = find("uploads", name)
    folder = folder if folder.is_dir() else archives.unpack(path, folder_for("uploads") / name)
    return folder, folder


def _usable(base: Path, items: Sequence[Item], report: FolderReport) -> Found:
    """The files that can be used, each once, with the names of their classes; the rest goes to the report."""
    classes = spelling.one_spelling([item.label for item in items], report.notes)
    where: dict[str, Found] = {}
    for item, seen in zip(items, looks.look_at([item.path for item in items], base)):
        if seen.problem:
            report.left_out[item.name] = seen.problem
        else:
            named = replace(item, label=classes[item.label])
            where.setdefault(seen.checksum, []).append((named, seen))
    found: Found = []
    for places in where.values():
        # One that is in test stays there: what a network has seen in training says nothing in a test.
        places.sort(key=lambda place: -PARTS.index(place[0].part or "train"))
        labels = sorted({item.label for item, _ in places})
        first = places[0][0]
        if len(labels) > 1:  # nobody can know which label is right
            report.left_out |= {item.name: f"the same picture is in {' and '.join(labels)}" for item, _ in places}
            continue
        others = [item.name for item, _ in places[1:] if item.name != first.name]
        report.left_out |= dict.fromkeys(others, f"the same picture as {first.name}")
        found.append(places[0])
    pages = [item.name for item, seen in found if seen.pages]
    if pages:
        report.notes.append(f"Of files with several pages or frames the first is read: {few(pages, 3)}.")
    return found


def _one_reading(found: Found, fit: str, report: FolderReport) -> tuple[Found, depths.Reading | None]:
    """How all pictures of the set are read, None for the usual way, and those of which that leaves something."""
    deep = [(item, seen.depth) for item, seen in found if seen.depth]
    if not deep:
        return found, None if fit == "crop" else depths.Reading(fit=fit)
    reading = replace(depths.decide([depth for _, depth in deep]), fit=fit)
    empty = {item.name for item, depth in deep if depth.low is None and set(depth.marks) <= set(reading.missing)}
    report.left_out |= dict.fromkeys(sorted(empty), "none of its pixels has a value")
    report.notes += depths.describe(reading, {item.name: depth for item, depth in deep if item.name not in empty})
    return [(item, seen) for item, seen in found if item.name not in empty], reading


def _classes(found: Found, report: FolderReport) -> tuple[list[str], Tensor, Found]:
    """The classes that have pictures enough, the label of each picture, and the pictures, class by class."""
    there = {item.part or "train" for item, _ in found}
    fewest = 1 + len({"val", "test"} - there)  # one to train, and one for each part that is dealt
    train = Counter(item.label for item, _ in found if item.part in (None, "train"))
    everywhere = Counter(item.label for item, _ in found)
    for label in spelling.in_order(everywhere):
        if not train[label]:
            where = " and ".join(sorted({item.part for item, _ in found if item.label == label}))
            report.left_out[label] = f"a class of {where} that train does not have ({everywhere[label]:,} pictures)"
        elif train[label] < fewest:
            report.left_out[label] = _small(train[label], fewest)
    names = spelling.in_order(label for label, count in train.items() if count >= fewest)
    for part in sorted(there - {"train"}):
        if names and not any(item.label in names for item, _ in found if item.part == part):
            other = few(sorted({item.label for item, _ in found if item.part == part}), 3)
            raise ValueError(
                f"train and {part} share no class: train has {few(names, 3)}, {part} has {other}.\n"
                f"Give the classes the same names in both, or leave {part} out: load_folder(train=...)."
            )
    number = {name: k for k, name in enumerate(names)}
    kept = sorted((one for one in found if one[0].label in number), key=lambda one: number[one[0].label])
    report.read = {name: everywhere[name] for name in names}
    return names, torch.tensor([number[item.label] for item, _ in kept], dtype=torch.int64), kept


def _small(count: int, fewest: int) -> str:
    each = (
        "one each to train, to choose and to test" if fewest == 3 else "one to train and one for the part that is dealt"
    )
    return f"a class of {count}; it takes {fewest}, {each}"


def _cut(kept: Found) -> dict[str, Tensor] | None:
    """The rows of each part of a set that came cut; None for one that is to be dealt."""
    of = [item.part or "train" for item, _ in kept]
    if set(of) <= {"train"}:
        return None
    return {part: torch.tensor([k for k, one in enumerate(of) if one == part]) for part in PARTS if part in of}


def _note_parts(kept: Found, rows: dict, labels: Tensor, names: list[str], report: FolderReport) -> None:
    """Say how the set was cut, and where val and test have little of a class."""
    given = Counter(item.part for item, _ in kept if item.part)
    if set(given) - {"train"}:
        counts = ", ".join(f"{part} {given[part]:,}" for part in PARTS if given[part])
        missing = [part for part in ("val", "test") if not given[part]]
        dealt = f" No {missing[0]}: it is dealt from train, class by class." if missing else ""
        report.notes.append(f"Came cut into parts, which stay: {counts}.{dealt}")
    elif given:
        report.notes.append("Only train was found: val and test are dealt from it, class by class.")
    for part in ("val", "test"):
        counts = labels[rows[part]].bincount(minlength=len(names)).tolist()
        for few_of, number in (("no picture", 0), ("one picture", 1)):
            of = [name for name, count in zip(names, counts) if count == number]
            if of:
                report.notes.append(f"{part.capitalize()} has {few_of} of: {few(of)}.")


def _too_few(path: Path, names: list[str], report: FolderReport, cut: dict | None) -> ValueError:
    enough = "with pictures enough for the parts that are dealt" if cut else "of three pictures or more"
    example = next((f"{name}: {why}" for name, why in report.left_out.items()), "nothing")
    return ValueError(
        f"{path} has too few classes {enough} ({len(names)}); a classifier needs at least two.\n"
        "Put the pictures of each class into a subfolder with the name of the class.\n"
        f"Left out were {len(report.left_out)}: {example}."
    )
