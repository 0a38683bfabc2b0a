"""Version numbers: what is made under one is the same everywhere; when it changes, the number has to be raised."""

import importlib
import itertools

import numpy as np
import pytest
import torch
from golden import NUMBERS, differences, stored
from PIL import Image
from test_spectrograms import tone, write
from torch import nn

import tlkit
from tlkit.data import cifar, decoding, photos, pictures, spectrograms, splits
from tlkit.study import grafting
from tlkit.transfer import features


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_kept_under_a_number_has_not_changed(number, empty_cache):
    where, _, _, allowed = NUMBERS[number]
    changed = {name: far for name, far in differences(number).items() if not far <= allowed}
    assert not changed, (
        f"{', '.join(changed)}: not as stored. If that is meant, raise {number} in {where}, "
        f"then run python tests/golden.py {number}, and see *Make again* in CONTRIBUTING.md."
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_the_golden_numbers_can_tell_a_change(number):
    for name, kept in stored(number).items():
        spread = kept.double().std().item() / (1 if kept.dtype == torch.uint8 else kept.abs().max().item())
        assert kept.isfinite().all() if kept.is_floating_point() else True
        assert spread > 4 * NUMBERS[number][3], name


def _entries(cache, kind):
    return {path.name for path in (cache / kind).iterdir() if path.suffix != ".lock"}


def _features(folder):
    images = torch.full((2, 3, 32, 32), 7, dtype=torch.uint8)
    tlkit.extract_features(tlkit.load_backbone(device="cpu"), images)


def _photos(folder):
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(folder / "a.png")
    decoding.decode([folder / "a.png"], ["a"], 16)


def _recordings(_):
    folder = photos.folder_of("spoken_digits") / "free-spoken-digit-dataset-1.0.10" / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    for digit, speaker in itertools.product(range(10), ("anna", "bo", "cem")):
        write(folder / f"{digit}_{speaker}_0.wav", tone(400 + 300 * digit, 0.1))
    tlkit.load_dataset("spoken_digits", per_class=1, image_size=16)


def _records(_):
    folder = photos.folder_of("cifar10") / "cifar-10-batches-bin"
    folder.mkdir(parents=True, exist_ok=True)
    records = [bytes([label]) + bytes([20 * label]) * 3072 for label in range(10)] * 3
    (folder / "data_batch_1.bin").write_bytes(b"".join(records))
    tlkit.load_dataset("cifar10", per_class=1, image_size=16)


def _networks(folder):
    split = tlkit.load_dataset("flowers", per_class=1)
    grafting._base(split, 1, "cpu")


@pytest.mark.parametrize(
    ("module", "number", "kind", "make"),
    [
        (splits, "WORLD", "pictures", lambda _: tlkit.load_dataset("flowers", per_class=1)),
        (splits, "FACES", "pictures", lambda _: tlkit.load_dataset("faces", per_class=1, image_size=16)),
        (features, "FEATURES", "features", _features),
        (pictures, "PHOTOS", "photos", _photos),
        (spectrograms, "SPECTROGRAMS", "photos", _recordings),
        (cifar, "RECORDS", "photos", _records),
        (grafting, "NETWORKS", "networks", _networks),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_raised_number_makes_it_anew(module, number, kind, make, empty_cache, tmp_path, monkeypatch):
    for name in ("_BLOCK", "VAL_PER_CLASS", "TEST_PER_CLASS"):
        monkeypatch.setattr(splits, name, 1)
    make(tmp_path)
    before = _entries(empty_cache, kind)
    make(tmp_path)
    assert _entries(empty_cache, kind) == before
    monkeypatch.setattr(module, number, 2)
    make(tmp_path)
    after = _entries(empty_cache, kind)
    assert len(after) == 2 * len(before) and before < after


def test_each_number_stands_in_the_module_that_its_message_names():
    for number, (where, *_) in NUMBERS.items():
        assert getattr(importlib.import_module(where.removesuffix(".py").replace("/", ".")), number) >= 1


# What no number can know: layers that have no weights, and code of one's own.


class Scaled(nn.Module):
    def forward(self, x):
        return x * 2


Doubled = Scaled


class Scaled(nn.Module):  # noqa: F811  (a cell of a notebook, edited and run again)
    def forward(self, x):
        return x * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nn.MaxPool2d(4), nn.AvgPool2d(4)),
        (nn.MaxPool2d(4), nn.MaxPool2d(4, stride=2)),
        (nn.ReLU(), nn.LeakyReLU(0.2)),
        (Doubled(), Scaled()),
    ],
    ids=["another layer", "another setting", "another function", "other code of one's own"],
)
def test_stages_that_differ_in_what_has_no_weights_do_not_share_features(one, other, empty_cache, pictures):
    def rows(layer):
        torch.manual_seed(0)
        stage = nn.Sequential(nn.Conv2d(3, 4, 3), layer)
        backbone = tlkit.Backbone("own", {"conv": stage}, nn.Linear(4, 2), (0.5,) * 3, (0.5,) * 3, 64, 32)
        return tlkit.extract_features(backbone.eval(), pictures, precision="float32")

    assert not np.allclose(rows(one), rows(other))
    assert len(_entries(empty_cache, "features")) == 2
    rows(one)
    assert len(_entries(empty_cache, "features")) == 2, "and what is the same is read"
