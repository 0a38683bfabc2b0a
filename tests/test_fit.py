"""How a picture becomes a square: cropped, padded or squashed, in training, in use, and after a model was saved."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from folder_makers import flat, load
from PIL import Image, ImageOps
from torchvision.transforms.v2 import functional

import tlkit
from tlkit.data import depths, pictures
from tlkit.data.depths import FITS, Reading
from tlkit.disk.cards import read_card, seal, write_card
from tlkit.transfer import starts
from tlkit.transfer.results import Result

LEFT, MIDDLE, RIGHT = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def _thirds(path, turned=False):
    """120 x 40 pixels, red, green and blue from left to right; turned, as a phone writes it."""
    image = Image.new("RGB", (120, 40), MIDDLE)
    image.paste(LEFT, (0, 0, 40, 40))
    image.paste(RIGHT, (80, 0, 120, 40))
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
        image = image.rotate(90, expand=True)
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_the_whole_picture_is_seen_or_its_middle(tmp_path, turned):
    path = _thirds(tmp_path / "wide.png", turned)
    crop, pad, squash = (pictures.read_picture(path, 48, Reading(fit=fit)).transpose(1, 2, 0) for fit in FITS)
    assert crop.shape == pad.shape == squash.shape == (48, 48, 3) and pad.dtype == squash.dtype == np.uint8
    assert (crop == MIDDLE).all() and (pictures.read_picture(path, 48).transpose(1, 2, 0) == crop).all()
    for whole, rows in ((pad, slice(16, 32)), (squash, slice(0, 48))):
        for colour, columns in ((LEFT, slice(0, 14)), (MIDDLE, slice(18, 30)), (RIGHT, slice(34, 48))):
            assert (whole[rows, columns] == colour).all()
    borders = np.concatenate([pad[:16], pad[32:]])
    assert np.abs(borders - np.array([83, 83, 83])).max() <= 1, "the mean colour of its long sides"


@pytest.mark.parametrize("sides", [(90, 31), (31, 90), (40, 40), (50, 49), (20, 16)])
def test_each_is_what_its_library_makes(sides):
    values = np.random.default_rng(0).integers(0, 256, (sides[1], sides[0], 3), dtype=np.uint8)
    image = Image.fromarray(values)
    squashed = functional.resize(image, [32, 32], antialias=True)
    assert (pictures.as_square(image, 32, "squash") == np.asarray(squashed).transpose(2, 0, 1)).all()
    mine = pictures.as_square(image, 32, "pad")
    border = tuple(int(value) for value in mine[:, -1, -1])
    padded = ImageOps.pad(image, (32, 32), Image.Resampling.BILINEAR, color=border)
    assert np.abs(np.asarray(padded, int).transpose(2, 0, 1) - mine).max() == 0


def test_a_picture_like_a_thread_keeps_a_line(tmp_path):
    flat(tmp_path / "a.png", 9)
    Image.new("RGB", (4000, 8), (200, 0, 0)).save(tmp_path / "thread.png")
    assert (pictures.read_picture(tmp_path / "thread.png", 16, Reading(fit="pad"))[0] == 200).all()


def _wide(root, count=4, sides=(128, 32)):
    """Two classes that differ at the left edge alone."""
    for k, name in enumerate(("dark", "light")):
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng(10 * k + number).integers(0, 99, (sides[1], sides[0], 3), dtype=np.uint8)
            noise[:, : sides[0] // 8] = 255 * k
            Image.fromarray(noise).save(root / name / f"{number}.png")
    return root


def test_a_split_is_read_one_way_in_every_draw_and_looked_at_once(empty_cache, tmp_path, monkeypatch):
    root = _wide(tmp_path / "wide")
    usual = load(root, image_size=32)
    monkeypatch.setattr(pictures, "look", lambda path: pytest.fail("opened again for the report"))
    assert usual.reading is None and load(root, image_size=32, fit="crop").reading is None
    for fit in ("pad", "squash"):
        split = load(root, image_size=32, fit=fit)
        assert split.reading == split.draw(1).reading == Reading(fit=fit)
        assert not torch.equal(split.train.images, usual.train.images), "another fit is another table"
        path = root / "dark" / "2.png"
        read = torch.from_numpy(pictures.read_picture(path, 32, split.reading).copy())
        parts = torch.cat([getattr(split, part).images for part in ("train", "val", "test")])
        assert any(torch.equal(read, image) for image in parts)
    again = load(root, image_size=32)
    assert torch.equal(again.train.images, usual.train.images)


@pytest.mark.parametrize(
    ("sides", "said"),
    [((128, 32), "81% of the area"), ((32, 64), "62% of the area"), ((48, 36), "43% of the area"), ((32, 32), None)],
)
def test_the_report_says_how_much_is_cut_away(tmp_path, sides, said):
    root = _wide(tmp_path / "wide", sides=sides)
    cropped = str(load(root).report)
    assert (
        (f"{said} is cut away, on average." in cropped and 'fit="pad"' in cropped)
        if said
        else "cut away" not in cropped
    )
    assert "cut away" not in str(load(root, fit="pad").report) + str(load(root, fit="squash").report)


def test_the_share_is_a_mean_over_pictures_and_of_the_size_before_a_jpeg_is_reduced(tmp_path):
    for k, name in enumerate(("a", "b")):
        for number in range(4):
            image = Image.new("RGB", (1999, 1001) if number % 2 else (900, 900), (99 * k, 20 * number, 0))
            (tmp_path / "set" / name).mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "set" / name / f"{number}.jpg")
    kept = (0.875**2 + 0.875**2 * 1001 / 1999) / 2
    assert f"{1 - kept:.0%} of the area" in str(load(tmp_path / "set").report)
    assert pictures.look(tmp_path / "set" / "a" / "1.jpg").size == (1999, 1001)


def test_deep_pictures_are_padded_too(empty_cache, tmp_path):
    for k, name in enumerate(("a", "b")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(3):
            values = np.full((16, 64), 1000 * (k + 1) + number, np.uint16)
            Image.fromarray(values).save(tmp_path / "set" / name / f"{number}.tif")
    split = load(tmp_path / "set", fit="pad")
    assert (split.reading.whole, split.reading.fit) == ((0, 4095), "pad")
    assert split.reading == replace(load(tmp_path / "set").reading, fit="pad")


def _result(split):
    """As a way leaves it; nothing need be learned to see how photos are read."""
    network = tlkit.load_backbone("minivgg", pretrained=False, device="cpu").new_head(len(split.class_names)).eval()
    return Result("two_phase", "minivgg", split, 0, {}, 0.5, 1.0, 1, starts.classifier_of(split, network))


@pytest.mark.parametrize("fit", FITS)
def test_a_model_reads_photos_as_in_training_and_so_it_does_when_it_comes_back(fit, tmp_path):
    root = _wide(tmp_path / "wide")
    split = load(root, image_size=32, fit=fit)
    result = _result(split)
    parts = torch.cat([getattr(split, part).images for part in ("train", "val", "test")])
    expected = np.sort(result.classifier.scores(parts)[:, 0])
    loaded = tlkit.load_model(tlkit.save_model(result, tmp_path / "model"), device="cpu")
    for model in (result.classifier, loaded):
        assert (model.reading or Reading()).fit == fit
        named = np.sort(np.array(model.predict_photos(root).scores)[:, 0])
        np.testing.assert_allclose(named, expected, rtol=1e-5)
    other = replace(loaded, reading=Reading(fit="pad" if fit == "crop" else "crop"))
    assert not np.allclose(np.sort(np.array(other.predict_photos(root).scores)[:, 0]), expected, rtol=1e-5)


def _say(folder, reading):
    card = read_card(folder / "card.toml")
    (folder / "card.toml").write_text(seal(write_card(card | {"reading": reading})), encoding="utf-8")


def test_cards_of_before_crop_and_nonsense_is_refused(tiny_split, tmp_path):
    folder = tlkit.save_model(_result(tiny_split), tmp_path / "model")
    assert tlkit.load_model(folder, "cpu").reading is None
    _say(folder, json.dumps({"whole": [0, 4095], "real": None, "missing": []}))
    assert tlkit.load_model(folder, "cpu").reading == Reading((0, 4095), fit="crop")
    for wrong in ("stretch", None, ["pad"], 3):
        _say(folder, json.dumps({"fit": wrong}))
        with pytest.raises(ValueError, match="does not say how photos are read, but: "):
            tlkit.load_model(folder, "cpu")


@pytest.mark.parametrize("fit", ["stretch", "Pad", "", None, 1, ["pad"]])
@pytest.mark.parametrize(
    "take", [lambda fit: tlkit.load_folder("nowhere", fit=fit), lambda fit: tlkit.upload_folder(fit=fit),
             lambda fit: depths.Reading(fit=fit)]
)  # fmt: skip
def test_another_fit_is_refused_before_any_work(take, fit):
    with pytest.raises(ValueError, match=r"There is no fit called .* There are: crop, pad, squash\."):
        take(fit)


def test_an_upload_is_read_as_it_was_asked(tmp_path):
    upload = tlkit.upload_folder(32, fit="squash")
    upload.load(_wide(tmp_path / "wide"))
    assert upload.split.reading == Reading(fit="squash")
