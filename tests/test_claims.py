"""What the README and the cards say of the offline world, measured with the shipped backbone."""

import numpy as np
import pytest

import tlkit
from tlkit.world.catalogue import OFFLINE_DATASETS

TARGETS = sorted(
    (name for name, world in OFFLINE_DATASETS.items() if world.similarity), key=lambda n: OFFLINE_DATASETS[n].similarity
)


def _reached(name, backbone, stage, seed=0):
    split = tlkit.load_dataset(name, per_class=20, seed=seed)
    train, val, test = (
        tlkit.extract_features(backbone, part.images, stage) for part in (split.train, split.val, split.test)
    )
    probe = tlkit.LinearProbe("svm").fit(train, split.train.labels, val, split.val.labels)
    return probe.score(test, split.test.labels)


@pytest.mark.parametrize("stage", ["conv4", "conv5"])
def test_flowers_lie_nearest_to_the_source_and_tissue_furthest(backbone, stage):
    """How far the mean activation moves from that of the source, in units of the source's spread."""
    source = tlkit.extract_features(backbone, tlkit.load_dataset("atlas", per_class=5).train.images, stage)
    shift = {}
    for name in TARGETS:
        target = tlkit.extract_features(backbone, tlkit.load_dataset(name, per_class=5).train.images, stage)
        shift[name] = np.sqrt(np.mean(((target.mean(0) - source.mean(0)) / source.std(0)) ** 2))
    nearest, *between, furthest = (shift[name] for name in TARGETS)
    assert nearest < min(between) and max(between) < furthest, shift


def test_codes_are_worth_much_less_on_tissue_and_an_earlier_stage_helps(backbone):
    flowers, tissue = (_reached(name, backbone, "fc7") for name in ("flowers", "tissue"))
    assert flowers - tissue > 0.3
    assert _reached("tissue", backbone, "conv4") > tissue + 0.04
    assert _reached("flowers", backbone, "conv4") < flowers - 0.04


@pytest.mark.parametrize("name", TARGETS)
def test_no_target_is_hopeless_or_solved(name, backbone):
    assert 3 / 17 < _reached(name, backbone, "fc7") < 0.93
