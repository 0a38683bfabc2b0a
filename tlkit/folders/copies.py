"""Near-copies in a set of yours: looked for before it is dealt, dealt to one side, and told.

A picture of which a version was trained on says nothing in a test.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from tlkit.data import dealing, decoding, near_copies, photos
from tlkit.data.depths import Reading
from tlkit.data.near_copies import Pairs
from tlkit.disk.spelling import few
from tlkit.folders.groups import note_groups, numbered
from tlkit.folders.listing import FolderReport, Item, NearCopy
from tlkit.folders.looks import Seen

__all__: list[str] = []

Kept = Sequence[tuple[Item, Seen]]
_SHOWN = 10  # pairs whose pictures the report keeps


@dataclass(frozen=True)
class Copies:
    """The near-copies among pictures, and those of the first ten pairs, uint8 ``(2 m, 3, h, w)``."""

    pairs: Pairs
    shown: Tensor


def copies_among(
    kept: Kept, size: int, reading: Reading | None, reader: Callable[[Reading | None], Callable]
) -> Copies:
    """The near-copies among pictures, looked for once and kept under their contents.

    ``reader`` gives the ``read`` of ``decoding.decode``.
    """
    files, keys = [item.path for item, _ in kept], [seen.checksum for _, seen in kept]
    fit = reading.fit if reading else "crop"
    size, shown = looked_at(len(files), size, fit)
    reading = replace(reading, fit=shown) if reading else None
    images = partial(decoding.decode, files, keys, size, reading, reader(reading))
    pairs = near_copies.find(images, decoding.name_of(keys, size, reading))
    rows = pairs.rows[:_SHOWN].flatten()
    return Copies(pairs, images()[rows] if len(rows) else torch.empty(0, 3, size, size, dtype=torch.uint8))


def looked_at(count: int, size: int, fit: str) -> tuple[int, str]:
    """The size and the fit in which near-copies are looked for.

    As the split shows them, so that nothing is decoded twice; in a set that is too large for that, or has borders, or
    fewer pixels, at 32 pixels.
    """
    if fit == "pad":  # borders are alike, whatever is between them
        return near_copies.SIDE, "squash"
    if size < near_copies.SIDE or count * 3 * size**2 > photos.WHOLE:
        return near_copies.SIDE, fit
    return size, fit


def together(copies: Copies, kept: Kept, groups: Tensor | None, report: FolderReport) -> Tensor | None:
    """What is to be dealt to one side: near-copies, and what is in a group; None where nothing belongs together.

    A class without enough different pictures for the parts can not be dealt so; then it is dealt as if it had no
    near-copies, and the report says it.
    """
    rows, count = copies.pairs.rows, len(kept)
    fewest = 1 + len({"val", "test"} - {item.part for item, _ in kept})
    of = near_copies.groups_of(rows, count).tolist()
    dealt = [(item.label, group) for (item, _), group in zip(kept, of) if item.part in (None, "train")]
    different = Counter(label for label, _ in set(dealt))
    small = sorted(label for label, number in different.items() if number < fewest)
    if small:
        report.notes.append(
            f"Nearly all pictures are near-copies of one another in {few(small, 3)}: they can not be kept on one side. "
            "What test says of them will not hold for others."
        )
        torn = torch.tensor([item.label in small for item, _ in kept])
        rows = rows[~torn[rows].any(1)]
    return near_copies.groups_of(rows, count, groups) if len(rows) else groups


def deal(
    labels: Tensor,
    class_names: Sequence[str],
    per_class: int | None,
    seed: int,
    together: Tensor | None,
    grouped: bool,
    cut: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The rows of each part, by ``dealing.deal``; where the set has groups of its own, by ``dealing.deal_groups``."""
    if grouped:
        return dealing.deal_groups(labels, class_names, per_class, together, seed, cut)
    return dealing.deal(labels, len(class_names), per_class, seed, cut, together)


def deal_kept(
    kept: Kept,
    alike: Copies | None,
    labels: Tensor,
    class_names: Sequence[str],
    per_class: int | None,
    seed: int,
    grouped: bool,
    cut: dict[str, Tensor] | None,
    report: FolderReport,
) -> tuple[dict[str, Tensor], Tensor | None]:
    """The rows of each part, what was kept together for them, and in the report what there is to say of it."""
    of = [item.group for item, _ in kept]
    own = numbered(of) if grouped else None
    joined = together(alike, kept, own, report) if alike else own
    rows = deal(labels, class_names, per_class, seed, joined, grouped, cut)
    if grouped:
        note_groups(of, rows, report)
    if alike:
        note_copies(alike, kept, rows, report)
    return rows, joined


def note_copies(copies: Copies, kept: Kept, rows: dict[str, Tensor], report: FolderReport) -> None:
    """Say how many near-copies there are, which have two labels, and which lie on two sides of a set that came cut."""
    pairs = copies.pairs
    if not len(pairs):
        return
    of = [(kept[first][0], kept[second][0]) for first, second in pairs.rows.tolist()]
    alike = pairs.similarity.tolist()
    report.near_copies = [NearCopy(one.name, two.name, agree) for (one, two), agree in zip(of, alike)]
    report.pictures_of_copies = copies.shown
    report.notes.append(
        f"{_pairs(len(of))} saved again, scaled, cut, brighter, blurred or mirrored; what is dealt keeps a pair on one "
        f"side: {_named(of)}. To look at them: tlkit.plot_pictures(*split.report.first_copies())"
    )
    torn = [(one, two) for one, two in of if one.label != two.label]
    if torn:
        labels = f"{torn[0][0].label} and {torn[0][1].label}"
        report.notes.append(
            f"{_pairs(len(torn))} in two classes, as {_named(torn[:1])} ({labels}): look which is right."
        )
    _note_across(pairs, of, rows, report)


def _note_across(pairs: Pairs, of: Sequence[tuple[Item, Item]], rows: dict[str, Tensor], report: FolderReport) -> None:
    side = {row: part for part, mine in rows.items() for row in mine.tolist()}
    sides = [{side[row] for row in pair if row in side} for pair in pairs.rows.tolist()]
    known = {row for pair, both in zip(pairs.rows.tolist(), sides) if len(both) == 2 for row in pair}
    across = [pair for pair, both in zip(of, sides) if len(both) == 2]
    report.copies_in_test = torch.tensor([row in known for row in rows["test"].tolist()])
    if across and any(item.part in ("val", "test") for pair in across for item in pair):
        report.notes.append(
            f"The set's own cut tears near-copies apart: {_pairs(len(across))} on two sides, as {_named(across[:1])}, "
            f"and {int(report.copies_in_test.sum()):,} of the {len(rows['test']):,} pictures of test have one in train "
            "or val. The test without them: split.test.where(~split.report.copies_in_test)"
        )


def _pairs(count: int) -> str:
    return "1 pair of near-copies is" if count == 1 else f"{count:,} pairs of near-copies are"


def _named(pairs: Sequence[tuple[Item, Item]]) -> str:
    more = f" and {len(pairs) - 3:,} more" if len(pairs) > 3 else ""
    return "; ".join(f"{one.name} = {two.name}" for one, two in pairs[:3]) + more
