"""Dealing pictures into train, val and test: class by class, or by groups that must not be torn apart.

A group is what belongs together, such as the recordings of one speaker: it goes to one part as a whole.
"""

import torch
from torch import Tensor

__all__: list[str] = []

_SHUFFLES = 20


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


def deal_groups(labels: Tensor, classes: int, per_class: int | None, groups: Tensor, seed: int) -> dict[str, Tensor]:
    """Deal rows into train, val and test as ``deal`` does, but every group as a whole.

    So the test asks about speakers, or patients, who were never seen. About half of the pictures are
    for training; at most an eighth of a class goes to val and three eighths to test, less of large classes.

    Parameters
    ----------
    labels : int64 tensor (n,)
    classes : how many there are
    per_class : training pictures of each class at most; None for all
    groups : int64 tensor (n,), what each picture belongs to
    seed : which groups go where

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
    where = _parts_of_groups(labels, classes, groups, random)
    dealt: dict[str, list[tuple[int, int, int]]] = {"train": [], "val": [], "test": []}
    for label in range(classes):
        rows = (labels == label).nonzero().flatten()
        test, val = held_out(len(rows), classes)
        rows = rows[torch.randperm(len(rows), generator=random)].tolist()
        for part, most in (("train", per_class), ("val", val), ("test", test)):
            chosen = [row for row in rows if where[int(groups[row])] == part][:most]
            dealt[part] += [(rank, label, row) for rank, row in enumerate(chosen)]
    return {part: torch.tensor([row for _, _, row in sorted(chosen)]) for part, chosen in dealt.items()}


def _parts_of_groups(labels: Tensor, classes: int, groups: Tensor, random: torch.Generator) -> dict[int, str]:
    """The part of each group: test gets about three eighths of the pictures, val an eighth, train the rest.

    Groups can differ in size, and lack classes. So they are shuffled twenty times, and of the deals
    that give every class to every part the one nearest to those shares is taken.
    """
    names, index = groups.unique(return_inverse=True)
    counts = torch.zeros(len(names), classes).index_put_((index, labels), torch.ones(()), accumulate=True)
    best, smallest = None, float("inf")
    for _ in range(_SHUFFLES if len(names) > 2 else 0):
        order = torch.randperm(len(names), generator=random)
        sums = counts[order].sum(1).cumsum(0) / len(labels)
        test = 1 + int((sums[:-2] - 3 / 8).abs().argmin())
        val = test + 1 + int((sums[test:-1] - sums[test - 1] - 1 / 8).abs().argmin())
        parts = {"test": order[:test], "val": order[test:val], "train": order[val:]}
        held = torch.stack([counts[rows].sum(0) for rows in parts.values()])
        if not (held > 0).all():
            continue
        off = float((held.sum(1) / len(labels) - torch.tensor([3 / 8, 1 / 8, 1 / 2])).abs().max())
        if off < smallest - 1e-6:
            best, smallest = parts, off
    if best is None:
        fewest = int((counts > 0).sum(0).argmin())
        raise ValueError(
            f"These {len(names)} groups can not be dealt so that train, val and test have every class: class {fewest} "
            f"is in {int((counts[:, fewest] > 0).sum())} of them.\n"
            "Every class needs pictures in three groups or more, better in six: leave out those that have fewer."
        )
    return {int(names[row]): part for part, rows in best.items() for row in rows}
