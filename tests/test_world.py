"""The offline world: the same pixels everywhere, nothing shared, nothing out of order."""

import numpy as np
import pytest
import torch
from golden import some_pictures

import tlkit
from tlkit.world.catalogue import OFFLINE_DATASETS, draw_pictures
from tlkit.world.chance import Dice, derive_key

TARGETS = [name for name, world in OFFLINE_DATASETS.items() if world.similarity]


@pytest.mark.parametrize("name", OFFLINE_DATASETS)
def test_a_picture_depends_neither_on_its_batch_nor_on_the_threads(name):
    together = some_pictures(name)
    labels = torch.arange(0, len(OFFLINE_DATASETS[name].class_names), 4 if name != "atlas" else 10)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = torch.cat(
            [draw_pictures(name, "train", label[None], torch.zeros(1, dtype=torch.int64), 0, 64) for label in labels]
        )
    finally:
        torch.set_num_threads(threads)
    assert (together.int() - alone.int()).abs().max() <= 1


@pytest.mark.parametrize("name", TARGETS)
def test_smaller_sets_are_the_beginning_of_larger_ones(name):
    small, large = (tlkit.load_dataset(name, per_class=k, seed=3) for k in (5, 25))
    assert torch.equal(large.train.images[: len(small.train)], small.train.images)
    assert torch.equal(large.train.labels[: len(small.train)], small.train.labels)
    for part in ("val", "test"):
        assert torch.equal(getattr(small, part).images, getattr(large, part).images)
    first = large.train.first(5)
    assert torch.equal(first.images, small.train.images)


@pytest.mark.parametrize("name", TARGETS)
def test_parts_are_balanced_typed_and_share_no_picture(name):
    split = tlkit.load_dataset(name, per_class=5)
    seen = set()
    for part, each in ((split.train, 5), (split.val, 20), (split.test, 40)):
        assert part.images.dtype == torch.uint8 and part.labels.dtype == torch.int64
        assert part.images.shape == (17 * each, 3, 64, 64)
        assert part.labels.bincount().tolist() == [each] * 17
        prints = {picture.numpy().tobytes() for picture in part.images}
        assert len(prints) == len(part) and not prints & seen
        seen |= prints
    assert len(split.class_names) == len(set(split.class_names)) == 17


def test_no_target_class_is_in_the_source():
    from tlkit.world.catalogue import _genes

    source = _genes("atlas", "flower")
    target = _genes("flowers", "species")
    for k in range(17):
        same = [torch.isclose(source[gene].flatten(), target[gene].flatten()[k]) for gene in source]
        assert not torch.stack(same).all(0).any()
    everything = [name for world in OFFLINE_DATASETS.values() for name in world.class_names]
    assert len(everything) == len(set(everything))


def test_another_seed_draws_other_pictures_of_the_same_classes():
    first, second = (tlkit.load_dataset("flowers", per_class=5, seed=seed) for seed in (0, 1))
    assert first.class_names == second.class_names
    assert not torch.equal(first.train.images, second.train.images)
    assert not torch.equal(first.test.images, second.test.images)


@pytest.mark.parametrize("name", OFFLINE_DATASETS)
def test_a_larger_picture_shows_the_same_thing(name):
    labels, indices = torch.arange(8), torch.zeros(8, dtype=torch.int64)
    small = draw_pictures(name, "train", labels, indices, 0, 64).float()
    large = draw_pictures(name, "train", labels, indices, 0, 128).float()
    halved = torch.nn.functional.avg_pool2d(large, 2)
    blurred = [torch.nn.functional.avg_pool2d(x, 4).flatten(1).numpy() for x in (small, halved)]
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(*blurred)]
    assert min(correlation) > 0.9


def test_the_atlas_has_a_hundred_classes_in_seven_families():
    atlas = OFFLINE_DATASETS["atlas"]
    assert len(atlas.class_names) == 100 and len(atlas.families) == 7


def test_dice_are_uniform_independent_and_keep_their_stream():
    dice = Dice([derive_key("a"), derive_key("b")])
    table = dice.table("x", 50_000)
    assert table.shape == (2, 50_000) and table.min() >= 0 and table.max() < 1
    assert (torch.histc(table[0], 10, 0, 1) / 5_000 - 1).abs().max() < 0.06
    other = dice.table("y", 50_000)
    assert np.abs(np.corrcoef(torch.cat([table, other]))[np.triu_indices(4, 1)]).max() < 0.02
    assert torch.equal(dice.table("x", 7), table[:, :7])
    # SplitMix64's published stream for seed 1234567 begins with 6457827717110365317.
    start = np.array([1234567], dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    from tlkit.world.chance import _scramble

    assert _scramble(start)[0] == 6457827717110365317


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(name="flower"), "Did you mean 'flowers'"),
        (dict(name="flowers", per_class=0), "per_class must be from 1 to 400, but it is 0"),
        (dict(name="flowers", per_class=401), "per_class must be from 1 to 400"),
        (dict(name="flowers", seed=-1), "seed must be at least 0"),
        (dict(name="flowers", image_size=8), "image_size must be from 16"),
    ],
)
def test_bad_requests_are_refused_with_a_way_out(arguments, message):
    with pytest.raises(ValueError, match=message):
        tlkit.load_dataset(**arguments)


def test_a_fraction_is_no_number_of_pictures():
    with pytest.raises(TypeError, match=r"per_class must be a whole number, not 2\.5"):
        tlkit.load_dataset("flowers", per_class=2.5)
