"""Dealing pictures into train, val and test: class by class, or by groups that must not be torn apart.

A group is what belongs together, such as the recordings of one speaker: it goes to one part as a whole.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

__all__: list[str] = []

_SHUFFLES, _MANY = 20, 4000  # so many deals are tried, but fewer where groups are many: then one is good enough
_SHARES = {"test": 3 / 8, "val": 1 / 8}


def deal(
    labels: Tensor,
    classes: int,
    per_class: int | None,
    seed: int,
    cut: dict[str, Tensor] | None = None,
    together: Tensor | None = None,
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
    together : int64 tensor (n,): rows of the same number are dealt to the same part. For near-copies, which are few
        and mostly of one class, while ``deal_groups`` is for groups that hold pictures of several

    Returns
    -------
    dict from part to int64 tensor of rows
        Class by class in turn, so that fewer per class are the beginning of more.
    """
    random = torch.Generator().manual_seed(seed)
    of, placed = torch.arange(len(labels)) if together is None else together, {}
    cut = {"train": torch.arange(len(labels))} if cut is None else cut
    dealt: dict[str, list[tuple[int, int, int]]] = {"train": [], "val": [], "test": []}
    for label in range(classes):
        own = {part: rows[labels[rows] == label].tolist() for part, rows in cut.items()}
        mixed = torch.randperm(len(own["train"]), generator=random).tolist()
        rows = [own["train"][k] for k in mixed]
        wanted = dict(zip(("test", "val"), held_out(len(rows), classes)))
        own |= _deal_class(rows, {part: wanted[part] for part in wanted if part not in own}, of, placed)
        own["train"] = own["train"][:per_class]
        for part, chosen in own.items():
            dealt[part] += [(rank, label, row) for rank, row in enumerate(chosen)]
    return {part: torch.tensor([row for _, _, row in sorted(chosen)]) for part, chosen in dealt.items()}


def _deal_class(rows: list[int], wanted: dict[str, int], of: Tensor, placed: dict[int, str]) -> dict[str, list[int]]:
    """Deal rows of one class, what is together as a whole; ``placed`` knows what other classes have placed, and learns.

    A part takes in turn what still fits in, at least something, and leaves something for each of the parts after it.
    """
    units: dict[int, list[int]] = {}
    for row in rows:
        units.setdefault(int(of[row]), []).append(row)
    dealt: dict[str, list[int]] = {part: [] for part in (*wanted, "train")}
    for unit in units.keys() & placed.keys():
        dealt[placed[unit]] += units[unit]
    for after, (part, count) in zip(range(len(wanted), 0, -1), wanted.items()):
        free = [unit for unit in units if unit not in placed]
        spare = len(free) - after
        smallest = min(free, key=lambda unit: len(units[unit]), default=None)
        for unit in free[:]:
            fits = len(dealt[part]) + len(units[unit]) <= count
            if spare > 0 and (fits or (unit == smallest and not dealt[part])):
                placed[unit] = part
                dealt[part] += units[unit]
                spare -= 1
    placed |= {unit: "train" for unit in units if unit not in placed}
    dealt["train"] = [row for unit, its in units.items() if placed[unit] == "train" for row in its]
    return dealt


def held_out(pictures_of_class: int, classes: int) -> tuple[int, int]:
    """How many pictures of a class go to test and to val."""
    test = max(1, min(pictures_of_class * 3 // 8, max(40, 1000 // classes)))
    return test, max(1, min(pictures_of_class // 8, test // 3))


def deal_groups(
    labels: Tensor,
    class_names: Sequence[str],
    per_class: int | None,
    groups: Tensor,
    seed: int,
    cut: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Deal rows into train, val and test as ``deal`` does, but every group as a whole.

    So the test asks about speakers, or patients, who were never seen. About half of the pictures are
    for training; at most an eighth of a class goes to val and three eighths to test, less of large classes.

    Parameters
    ----------
    labels : int64 tensor (n,)
    class_names : list of str, one a label
    per_class : training pictures of each class at most; None for all
    groups : int64 tensor (n,), what each picture belongs to
    seed : which groups go where
    cut : as for ``deal``

    Returns
    -------
    dict from part to int64 tensor of rows
        Class by class in turn, so that fewer per class are the beginning of more.

    Raises
    ------
    ValueError
        If the groups can not be dealt so that every part has every class.
    """
    random = torch.Generator().manual_seed(seed)
    whole = {"train": torch.arange(len(labels))} if cut is None else cut
    rows = whole["train"]
    missing = {part: share for part, share in _SHARES.items() if part not in whole}
    where = _parts_of_groups(labels[rows], class_names, groups[rows], missing, random)
    dealt: dict[str, list[tuple[int, int, int]]] = {"train": [], "val": [], "test": []}
    for label in range(len(class_names)):
        mine = rows[labels[rows] == label]
        test, val = held_out(len(mine), len(class_names))
        mixed = mine[torch.randperm(len(mine), generator=random)].tolist()
        for part, most in (("train", per_class), ("val", val), ("test", test)):
            if part in whole and part != "train":
                chosen = whole[part][labels[whole[part]] == label].tolist()
            else:
                chosen = [row for row in mixed if where[int(groups[row])] == part][:most]
            dealt[part] += [(rank, label, row) for rank, row in enumerate(chosen)]
    return {part: torch.tensor([row for _, _, row in sorted(chosen)]) for part, chosen in dealt.items()}


def _parts_of_groups(
    labels: Tensor, class_names: Sequence[str], groups: Tensor, missing: dict[str, float], random: torch.Generator
) -> dict[int, str]:
    """The part of each group: those that are missing get about their share of each class, train the rest.

    Groups can differ in size, and lack classes. So they are shuffled twenty times and dealt in two manners, and of
    the deals that give every class to every part the one nearest to those shares is taken: the first groups to one
    part, those after them to the next, which suits a few that hold all classes; and each to the part that needs its
    classes most, which suits many that hold one class each. scikit-learn's StratifiedGroupKFold cuts into equal folds,
    and takes the same ones whatever the seed where groups are large.
    """
    names, index = groups.unique(return_inverse=True)
    counts = torch.zeros(len(names), len(class_names)).index_put_((index, labels), torch.ones(()), accumulate=True)
    shares = torch.tensor([*missing.values(), 1 - sum(missing.values())])
    best, smallest = None, float("inf")
    for parts in _deals(counts, shares, random) if len(names) > len(missing) else ():
        held = torch.stack([counts[rows].sum(0) for rows in parts])
        if not (held > 0).all():
            continue
        off = float((held / counts.sum(0) - shares[:, None]).abs().max())
        if off < smallest - 1e-6:
            best, smallest = parts, off
    if best is None:
        raise _cannot_be_dealt(counts, class_names, len(missing) + 1)
    return {int(names[row]): part for part, rows in zip((*missing, "train"), best) for row in rows}


def _deals(counts: Tensor, shares: Tensor, random: torch.Generator) -> Iterator[Sequence[Tensor]]:
    """Groups by part, many times: first by order, then by need."""
    again = torch.Generator().set_state(random.get_state())
    for _ in range(_SHUFFLES):
        order = torch.randperm(len(counts), generator=random)
        yield order.tensor_split(_ends(counts[order].sum(1).cumsum(0) / counts.sum(), shares[:-1].tolist()))
    for _ in range(max(1, min(_SHUFFLES, _MANY // len(counts)))):
        yield _by_need(counts, shares, torch.randperm(len(counts), generator=again))


def _by_need(counts: Tensor, shares: Tensor, order: Tensor) -> list[Tensor]:
    """Each group, the largest first, to the part that lacks most of what it should have of the group's classes."""
    parts: list[list[int]] = [[] for _ in shares]
    of_class = (counts / counts.sum(0)).double().numpy()
    lacking = np.ones((len(shares), counts.shape[1]))  # as a share of what a part should have
    for row in order[counts[order].sum(1).argsort(descending=True, stable=True)].tolist():
        part = int((lacking @ of_class[row]).argmax())
        lacking[part] -= of_class[row] / float(shares[part])
        parts[part].append(row)
    return [torch.tensor(rows, dtype=torch.int64) for rows in parts]


def _ends(filled: Tensor, shares: Sequence[float]) -> list[int]:
    """Where the parts end in a row of groups, ``filled`` so far: each as near to its share as groups allow."""
    ends: list[int] = []
    for still, share in enumerate(shares):
        start = ends[-1] if ends else 0
        free = filled[start : len(filled) - len(shares) + still]  # each later part, train among them, needs a group
        ends.append(start + 1 + int((free - (filled[start - 1] if start else 0) - share).abs().argmin()))
    return ends


def _cannot_be_dealt(counts: Tensor, class_names: Sequence[str], parts: int) -> ValueError:
    fewest = int((counts > 0).sum(0).argmin())
    there = int((counts[:, fewest] > 0).sum())
    number = {2: "two", 3: "three"}[parts]
    return ValueError(
        f"These {len(counts)} groups can not be dealt so that every part has every class: {class_names[fewest]} is in "
        f"{there} of them.\nEvery class needs pictures in {number} groups or more, better in {2 * parts}: "
        "leave out those that have fewer."
    )
