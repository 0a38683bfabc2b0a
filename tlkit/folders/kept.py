"""What is kept of what was looked at: each picture once, read by one rule, in classes that have enough, in its part."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor

from tlkit import checks
from tlkit.data import depths
from tlkit.disk import spelling
from tlkit.disk.spelling import few
from tlkit.folders.listing import FolderReport, Item
from tlkit.folders.looks import Seen
from tlkit.folders.part_names import PARTS

__all__: list[str] = []

Found = list[tuple[Item, Seen]]


def check_asked(per_class: int | None, seed: int, image_size: int, fit: str, **flags: bool) -> None:
    """Refuse what no split can be made with, before work starts: for both doors, folders and arrays."""
    if per_class is not None:
        checks.count("per_class", per_class, 1)
    checks.seed(seed)
    checks.flag(**flags)
    checks.count("image_size", image_size, 16, 512)
    checks.choose("fit", fit, depths.FITS)


def each_once(looked: Found, report: FolderReport) -> Found:
    """Of what was looked at, the pictures that can be used, each once, with the names of their classes."""
    classes = spelling.one_spelling([item.label for item, _ in looked], report.notes)
    where: dict[str, Found] = {}
    for item, seen in looked:
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
    return found


def one_reading(found: Found, fit: str, report: FolderReport) -> tuple[Found, depths.Reading | None]:
    """How all pictures of the set are read, None for the usual way, and those of which that leaves something."""
    deep = [(item, seen.depth) for item, seen in found if seen.depth]
    if not deep:
        return found, None if fit == "crop" else depths.Reading(fit=fit)
    reading = replace(depths.decide([depth for _, depth in deep]), fit=fit)
    empty = {item.name for item, depth in deep if depth.low is None and set(depth.marks) <= set(reading.missing)}
    report.left_out |= dict.fromkeys(sorted(empty), "none of its pixels has a value")
    report.notes += depths.describe(reading, {item.name: depth for item, depth in deep if item.name not in empty})
    return [(item, seen) for item, seen in found if item.name not in empty], reading


def classes_of(
    found: Found, report: FolderReport, in_order: Callable[[Iterable[str]], list[str]] = spelling.in_order
) -> tuple[list[str], Tensor, Found]:
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
    names = in_order(label for label, count in train.items() if count >= fewest)
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


def cut_of(kept: Found) -> dict[str, Tensor] | None:
    """The rows of each part of a set that came cut; None for one that is to be dealt."""
    of = [item.part or "train" for item, _ in kept]
    if set(of) <= {"train"}:
        return None
    return {part: torch.tensor([k for k, one in enumerate(of) if one == part]) for part in PARTS if part in of}


def note_parts(kept: Found, rows: dict, labels: Tensor, names: list[str], report: FolderReport) -> None:
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
