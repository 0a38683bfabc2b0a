"""Answers to the exercises of lesson 11, for ``test_answers.py``."""

import numpy as np
import torch

import tlkit


def graft(donor, fresh, keep):
    for name in donor.stage_names[:keep]:
        fresh.stages[name].load_state_dict(donor.stages[name].state_dict())
    return fresh


def graft_all_numbers(donor, fresh, keep):
    kept = tuple(f"stages.{name}." for name in donor.stage_names[:keep])
    mine = fresh.state_dict()
    fresh.load_state_dict(mine | {name: t for name, t in donor.state_dict().items() if name.startswith(kept)})
    return fresh


def share(donor, fresh, keep):
    for name in donor.stage_names[:keep]:
        fresh.stages[name] = donor.stages[name]
    return fresh


def weights_alone(donor, fresh, keep):
    with torch.no_grad():
        for name in donor.stage_names[:keep]:
            for mine, theirs in zip(fresh.stages[name].parameters(), donor.stages[name].parameters()):
                mine.copy_(theirs)
    return fresh


def trample_the_head(donor, fresh, keep):
    torch.nn.init.zeros_(fresh.head.weight)
    return graft(donor, fresh, keep)


def reasons(base, own, other):
    return np.mean(base - own), np.mean(own - other)


def mistaken(base, own, other):
    drop = base.mean() - other.mean(0)
    return [cut for cut in range(own.shape[1]) if drop[cut] > 0 and own[:, cut].mean() <= other[:, cut].mean()]


def places(condition):
    return np.flatnonzero(condition)


RIGHT = {"11.1": graft, "11.2": reasons, "11.3": mistaken}
WRONG = [
    ("11.1", share, "share their stages"),
    ("11.1", weights_alone, "BatchNorm statistics are not"),
    ("11.1", lambda donor, fresh, keep: fresh, "it is not the donor's"),
    ("11.1", lambda donor, fresh, keep: donor, "The head is the donor's"),
    ("11.1", lambda donor, fresh, keep: graft(donor, fresh, keep + 1), "is not one"),
    ("11.1", lambda donor, fresh, keep: graft(donor, fresh, keep - 1), "it is not the donor's"),
    ("11.1", trample_the_head, "no longer that of fresh"),
    ("11.1", lambda donor, fresh, keep: fresh.state_dict(), "The network should come back"),
    ("11.2", lambda base, own, other: reasons(base, own, other)[::-1], "exchanged"),
    ("11.2", lambda base, own, other: [-each for each in reasons(base, own, other)], "turned round"),
    ("11.2", lambda base, own, other: ((base - own).mean(), (base - other).mean()), "the whole drop"),
    ("11.2", lambda base, own, other: (0.0, (own - other).mean()), "which network is only split"),
    ("11.2", lambda base, own, other: ((base - own).mean(), 0.0), "what differs in the features"),
    ("11.2", lambda base, own, other: base - own, "shape should be (2,)"),
    ("11.3", lambda base, own, other: places((base[:, None] - other).mean(0) > 0), "where they see a drop"),
    (
        "11.3",
        lambda base, own, other: places(((base[:, None] - other).mean(0) > 0) & ((own - other).mean(0) > 0)),
        "they are right",
    ),
    ("11.3", lambda base, own, other: places((own - other).mean(0) <= 0), "no drop at all"),
    ("11.3", lambda base, own, other: [0, 1], "mistaken at"),
    ("11.3", lambda base, own, other: "conv1", "numbers of cuts"),
]
LAZY = [lambda *_: (0.0, 0.0), lambda *_: []]


def test_another_right_way_to_graft():
    assert tlkit.check("11.1", graft_all_numbers)
