"""Each operation does what it says, repeats with its seed, and refuses nonsense."""

import pytest
import torch
from torchvision.transforms.v2 import functional as ops

import tlkit


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 255, (40, 3, 32, 48), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_nothing_chosen_changes_nothing(images):
    assert torch.equal(tlkit.Augmentation()(images), images)


@pytest.mark.parametrize("name", ["horizontal", "vertical"])
def test_flips_mirror_about_half_of_the_pictures(images, name):
    seen = tlkit.Augmentation(**{f"flip_{name}": True})(images, seed=2)
    flipped = getattr(ops, f"{name}_flip")(images)
    same, mirrored = ((seen == one).flatten(1).all(1) for one in (images, flipped))
    assert (same ^ mirrored).all() and 8 < mirrored.sum() < 32


@pytest.mark.parametrize("change", [{"rotation": 40}, {"scale": 1.5}, {"crop": 0.6}, {"flip_vertical": True}])
def test_a_view_keeps_shape_and_type_and_repeats_with_its_seed(images, change):
    augment = tlkit.Augmentation(**change)
    first, again, other = augment(images, 5), augment(images, 5), augment(images, 6)
    assert first.shape == images.shape and first.dtype == torch.uint8
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, images)


def test_a_crop_shows_a_window_of_the_picture():
    ramp = torch.arange(64, dtype=torch.uint8).repeat(1, 3, 64, 1)
    seen = tlkit.Augmentation(crop=0.5, together=1)(ramp, 3).float()
    assert seen.max() - seen.min() < 60 and (seen.diff(dim=-1) >= 0).all()


def test_rotation_uncovers_no_black_corners():
    white = torch.full((40, 3, 64, 64), 200, dtype=torch.uint8)
    for augment in (tlkit.Augmentation(rotation=180, scale=2, together=1), tlkit.Augmentation(scale=2, together=1)):
        assert augment(white).min() >= 199


def test_pictures_turned_together_share_their_luck():
    one = torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8).repeat(8, 1, 1, 1)
    seen = tlkit.Augmentation(rotation=60, together=4)(one)
    assert torch.equal(seen[0], seen[3]) and not torch.equal(seen[0], seen[4])
    alone = tlkit.Augmentation(rotation=60, together=1)(one)
    assert len(alone.flatten(1).unique(dim=0)) == 8


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"rotation": 200}, "rotation must be a number from 0 to 180, but it is 200"),
        ({"rotation": float("nan")}, "rotation must be"),
        ({"scale": 0.5}, "scale must be a number from 1 to 2"),
        ({"crop": 0}, "crop must be a number from 0.05 to 1"),
        ({"together": 0}, "together must be at least 1"),
    ],
)
def test_nonsense_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        tlkit.Augmentation(**bad)
