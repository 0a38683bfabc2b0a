"""Groups go to one part of a split as a whole, whatever their sizes."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedGroupKFold

from tlkit.data.dealing import deal_groups

TEN = list("0123456789")
SIX_SPEAKERS = (torch.arange(10).repeat(6 * 20), torch.arange(6).repeat_interleave(200))


def _patients(seed):
    """Thirty patients with 3 to 40 pictures each of four kinds, some kinds rare."""
    random = torch.Generator().manual_seed(seed)
    sizes = torch.randint(3, 41, (30,), generator=random)
    groups = torch.arange(100, 130).repeat_interleave(sizes)
    labels = torch.multinomial(torch.tensor([8.0, 4.0, 2.0, 1.0]), len(groups), replacement=True, generator=random)
    return labels, groups


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("which", ["speakers", "patients"])
def test_no_group_is_in_two_parts_and_every_class_in_each(which, seed):
    labels, groups = SIX_SPEAKERS if which == "speakers" else _patients(seed)
    classes = int(labels.max()) + 1
    rows = deal_groups(labels, TEN[:classes], None, groups, seed)
    parts = [set(groups[mine].tolist()) for mine in rows.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(groups.unique())
    assert all(set(labels[mine].tolist()) == set(range(classes)) for mine in rows.values())
    assert all(len(mine.unique()) == len(mine) for mine in rows.values())
    assert 0.35 < len(rows["train"]) / len(labels) < 0.65
    fewer = deal_groups(labels, TEN[:classes], 3, groups, seed)
    assert labels[fewer["train"]].bincount().max() <= 3 and fewer["test"].equal(rows["test"])
    ranks = {label: rows["train"][labels[rows["train"]] == label] for label in range(classes)}
    assert all(fewer["train"][labels[fewer["train"]] == k].equal(mine[:3]) for k, mine in ranks.items())


def test_six_speakers_are_dealt_three_one_two_and_others_for_each_seed():
    labels, groups = SIX_SPEAKERS
    deals = []
    for seed in range(8):
        rows = deal_groups(labels, TEN, 5, groups, seed)
        speakers = {part: frozenset(groups[mine].tolist()) for part, mine in rows.items()}
        assert [len(speakers[part]) for part in ("train", "val", "test")] == [3, 1, 2]
        assert rows["train"][:10].equal(deal_groups(labels, TEN, 1, groups, seed)["train"])
        deals.append(tuple(speakers.values()))
    assert len(set(deals)) > 4


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_groups_are_refused(count):
    labels, groups = torch.arange(2).repeat(30), torch.arange(count).repeat_interleave(60 // count)
    with pytest.raises(ValueError, match=f"These {count} groups can not be dealt") as caught:
        deal_groups(labels, TEN[:2], None, groups, 0)
    assert str(caught.value).count("\n") == 1


def test_a_class_of_one_group_is_named():
    labels, groups = _patients(0)
    labels = torch.where(groups == 117, 4, labels)
    with pytest.raises(ValueError, match="4 is in 1 of them"):
        deal_groups(labels, TEN[:5], None, groups, 0)


@pytest.mark.parametrize("given", ["val", "test"])
def test_of_a_set_that_came_cut_the_missing_part_is_dealt_by_groups(given):
    labels, groups = _patients(1)
    there = torch.arange(len(labels)) % 5 == 0
    cut = {"train": (~there).nonzero().flatten(), given: there.nonzero().flatten()}
    rows = deal_groups(labels, TEN[:4], None, groups, 0, cut)
    (other,) = {"val", "test"} - {given}
    assert sorted(rows[given].tolist()) == cut[given].tolist()
    assert not set(groups[rows["train"]].tolist()) & set(groups[rows[other]].tolist())
    assert len(rows[other]) / len(cut["train"]) == pytest.approx({"val": 1 / 8, "test": 3 / 8}[other], abs=0.08)


def test_classes_keep_their_shares_as_far_as_groups_allow():
    """As near as scikit-learn's StratifiedGroupKFold comes, whose folds are eighths."""
    off, theirs = [], []
    for seed in range(6):
        labels, groups = _patients(seed)
        count = labels.bincount().float()
        rows = deal_groups(labels, TEN[:4], None, groups, seed)["test"]
        off.append(float((labels[rows].bincount(minlength=4) / count - 3 / 8).abs().max()))
        folds = StratifiedGroupKFold(8, shuffle=True, random_state=seed).split(labels, labels, groups)
        rows = np.concatenate([left_out for _, left_out in itertools.islice(folds, 3)])
        theirs.append(float((labels[rows].bincount(minlength=4) / count - 3 / 8).abs().max()))
    assert np.mean(off) < 1.2 * np.mean(theirs)


@pytest.mark.parametrize(("groups", "classes"), [(3, 5), (8, 6), (20, 10)])
def test_many_groups_of_one_class_each_are_dealt_class_by_class(groups, classes):
    """As folders below the classes are, each a person of its own: in order alone, val would miss a class."""
    labels = torch.arange(classes).repeat_interleave(groups * 4)
    own = torch.arange(classes * groups).repeat_interleave(4)
    for seed in range(4):
        rows = deal_groups(labels, TEN[:classes], None, own, seed)
        of = {part: own[mine].unique() for part, mine in rows.items()}
        assert sum(map(len, of.values())) == groups * classes == len(torch.cat(list(of.values())).unique())
        assert all(len((part // groups).bincount().unique()) == 1 for part in of.values())
