"""A shift changes how a picture was taken: the labels stay, and the same call gives the same pictures again."""

from dataclasses import replace

import pytest
import torch
from torchvision.transforms.v2 import functional as ops

import tlkit
from tlkit.data.shifts import SHIFTS, corrupt, shifts_of
from tlkit.world.catalogue import OFFLINE_DATASETS, draw_pictures
from tlkit.world.seasons import SEASONS

EVERYWHERE = [name for name in SHIFTS if name not in SEASONS]


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (70, 3, 24, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.fixture(scope="module")
def flowers():
    return tlkit.load_dataset("flowers", 2, seed=3)


@pytest.fixture(scope="module")
def photos(images):
    parts = [tlkit.ImageSet(images[k::3], torch.arange(len(images[k::3])) % 4) for k in range(3)]
    return tlkit.Split("photos", list("abcd"), *parts, seed=5)


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_keeps_labels_shape_and_type_and_comes_again(flowers, shift):
    first, again = (tlkit.shifted(flowers, shift, part="val") for _ in range(2))
    assert torch.equal(first.labels, flowers.val.labels) and first.class_names == flowers.val.class_names
    assert first.images.dtype == torch.uint8 and first.images.shape == flowers.val.images.shape
    assert torch.equal(first.images, again.images)
    moved = (first.images.float() - flowers.val.images.float()).abs().flatten(1).mean(1)
    assert moved.min() > 0.5, "every picture is changed"


@pytest.mark.parametrize("shift", SHIFTS)
def test_strength_0_is_the_picture_itself_and_more_is_further_away(flowers, shift):
    assert torch.equal(tlkit.shifted(flowers, shift, 0, "val").images, flowers.val.images)
    away = [
        (tlkit.shifted(flowers, shift, strength, "val").images.float() - flowers.val.images.float()).abs().mean()
        for strength in (0.3, 1)
    ]
    assert 0 < away[0] < away[1]


def test_photos_have_the_shifts_that_need_no_painter(photos):
    assert shifts_of(photos) == EVERYWHERE
    for shift in EVERYWHERE:
        assert torch.equal(tlkit.shifted(photos, shift).labels, photos.test.labels)
    with pytest.raises(ValueError, match="no shift for photos called 'far'.*There are: blur, dusk, noise, hue"):
        tlkit.shifted(photos, "far")


def test_groups_stay_with_their_pictures(photos):
    groups = torch.arange(len(photos.test))
    grouped = replace(photos, test=replace(photos.test, groups=groups))
    assert torch.equal(tlkit.shifted(grouped, "blur").groups, groups)


def test_operations_are_those_of_torchvision(images):
    assert torch.equal(corrupt(images, "dusk", 0.5), ops.adjust_brightness(images, 0.7))
    assert torch.equal(corrupt(images, "hue"), ops.adjust_hue(images, 0.06))
    assert corrupt(images, "blur").float().std() < images.float().std() * 0.8


@pytest.mark.parametrize("shift", ["blur", "dusk", "hue"])
def test_a_picture_does_not_depend_on_its_batch(images, shift):
    assert torch.equal(corrupt(images, shift)[66:], corrupt(images[66:], shift))


def test_noise_goes_by_its_seed_and_is_another_in_each_part(images, photos):
    assert torch.equal(corrupt(images, "noise", 1, 4), corrupt(images, "noise", 1, 4))
    assert not torch.equal(corrupt(images, "noise", 1, 4), corrupt(images, "noise", 1, 5))
    grey = torch.full((23, 3, 24, 32), 128, dtype=torch.uint8)
    flat = replace(photos, val=tlkit.ImageSet(grey, photos.val.labels), test=tlkit.ImageSet(grey, photos.test.labels))
    seen = [tlkit.shifted(flat, "noise", part=part).images for part in ("val", "test")]
    assert not torch.equal(*seen)
    noise = corrupt(grey.repeat(4, 1, 1, 1), "noise", 0.5).float() - 128
    assert abs(noise.mean()) < 0.2 and abs(noise.std() - 10) < 0.3


@pytest.mark.parametrize("name", [name for name, world in OFFLINE_DATASETS.items() if world.similarity])
@pytest.mark.parametrize("shift", SEASONS)
def test_every_drawn_target_has_its_seasons_and_every_dial_is_a_draw(name, shift):
    labels, indices = torch.arange(3), torch.zeros(3, dtype=torch.int64)
    as_it_is = draw_pictures(name, "test", labels, indices, 0, 64)
    dials = SEASONS[shift][name]
    assert torch.equal(draw_pictures(name, "test", labels, indices, 0, 64, dials, 0.0), as_it_is)
    for dial, ends in dials.items():
        one = draw_pictures(name, "test", labels, indices, 0, 64, {dial: ends})
        assert not torch.equal(one, as_it_is), f"nothing in {name} is drawn by {dial!r}"


def test_a_smaller_part_is_the_beginning_of_a_larger_one(flowers):
    fewer = replace(flowers, test=flowers.test.first(3))
    whole, part = tlkit.shifted(flowers, "season"), tlkit.shifted(fewer, "season")
    assert torch.equal(whole.images[: len(part)], part.images)


def test_only_what_was_drawn_can_be_drawn_again(flowers, images):
    turned = replace(flowers, test=replace(flowers.test, images=flowers.test.images.flip(3)))
    with pytest.raises(ValueError, match="not those that seed 3 draws.*\n.*load_dataset"):
        tlkit.shifted(turned, "season")
    mixed = replace(flowers, test=flowers.test.where(torch.arange(10, 30)))
    with pytest.raises(ValueError, match="not those that seed 3 draws"):
        tlkit.shifted(mixed, "far")
    assert len(tlkit.shifted(turned, "blur")) == len(turned.test)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (dict(shift="fog"), "no shift for flowers called 'fog'"),
        (dict(shift="blur", strength=1.5), "strength must be a number from 0 to 1"),
        (dict(shift="blur", strength=-0.1), "strength must be"),
        (dict(shift="blur", part="all"), "no part called 'all'"),
    ],
)
def test_nonsense_is_refused(flowers, bad, message):
    with pytest.raises(ValueError, match=message):
        tlkit.shifted(flowers, **bad)


def test_wrong_kinds_are_refused(flowers, images):
    with pytest.raises(TypeError, match="split must be a Split"):
        tlkit.shifted("flowers", "blur")
    with pytest.raises(TypeError, match="dtype"):
        corrupt(images.float(), "blur")
    with pytest.raises(ValueError, match="no shift called 'season'"):
        corrupt(images, "season")
    with pytest.raises(ValueError, match="seed must be"):
        corrupt(images, "noise", seed=-1)
