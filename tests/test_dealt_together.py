"""Near-copies are dealt class by class like all pictures, but to one side."""

import pytest
import torch

from tlkit.data.dealing import deal


@pytest.mark.parametrize("seed", range(10))
def test_rows_that_are_together_are_in_one_part_and_classes_stay_balanced(seed):
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(6).repeat(40)
    together = torch.arange(240)
    pairs = torch.randperm(240, generator=random)[:120].view(2, 60)  # of one class or of two
    together[pairs[0]] = pairs[1]
    rows = deal(labels, 6, None, seed, None, together)
    assert sorted(torch.cat(list(rows.values())).tolist()) == list(range(240)), "every picture is dealt, once"
    parts = [set(together[mine].tolist()) for mine in rows.values()]
    assert sum(map(len, parts)) == len(set.union(*parts))
    counts = {part: labels[mine].bincount(minlength=6) for part, mine in rows.items()}
    assert counts["test"].min() >= 12 and counts["test"].max() <= 22
    assert counts["val"].min() >= 3 and counts["train"].min() >= 14
    fewer = deal(labels, 6, 5, seed, None, together)
    assert fewer["test"].equal(rows["test"]) and fewer["train"].equal(rows["train"][:30])


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_alone_are_dealt_as_without_groups(seed):
    labels = torch.arange(5).repeat_interleave(torch.tensor([3, 8, 20, 21, 50]))
    alone = deal(labels, 5, 7, seed, None, torch.randperm(len(labels)))
    plain = deal(labels, 5, 7, seed)
    assert all(alone[part].equal(plain[part]) for part in plain)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (4, 4, 4), (10, 1, 1), (1, 10, 10), (2, 3, 30, 5)])
def test_a_class_of_three_groups_is_in_every_part(sizes):
    together = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    rows = deal(torch.zeros(len(together), dtype=torch.int64), 1, None, 0, None, together)
    assert all(len(mine) for mine in rows.values())


def test_a_part_that_came_cut_stays_and_the_other_is_dealt_in_whole_groups():
    labels, together = torch.zeros(60, dtype=torch.int64), torch.arange(60) // 3
    cut = {"train": torch.arange(48), "test": torch.arange(48, 60)}
    rows = deal(labels, 1, None, 1, cut, together)
    assert rows["test"].tolist() == list(range(48, 60))
    assert not set(together[rows["val"]].tolist()) & set(together[rows["train"]].tolist()) and len(rows["val"]) == 6
