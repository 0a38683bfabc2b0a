"""A trained network goes out as a folder and comes back the same."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

import tlkit
from tlkit.disk.cards import read_card, write_card
from tlkit.transfer.classifier import Classifier
from tlkit.transfer.sharing import model_zoo


@pytest.fixture(scope="module")
def result(tiny_split):
    return tlkit.two_phase(tiny_split, epochs=1, unfreeze_last=2, device="cpu")


def test_what_is_loaded_predicts_the_same(result, tmp_path):
    result.open_test()
    folder = tlkit.save_model(result, tmp_path / "reds", data_licence="CC BY 4.0")
    model = tlkit.load_model(folder, device="cpu")
    network, card, images = model.network, model.card, result.split.test.images
    assert (model.predict(images) == result.test_answers).all() and not network.training
    assert torch.equal(network(images), result.network(images))
    assert (tlkit.predict(network, images).numpy() == result.test_answers).all()
    assert card["class_names"] == ["dull", "red"] and card["stages_trained"] == ["fc6", "fc7", "head"]
    assert card["test_accuracy"] == pytest.approx(result.test_accuracy, abs=1e-4)
    assert (card["backbone"], card["data_licence"], card["image_size"]) == ("minivgg", "CC BY 4.0", 32)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reds"]


def test_class_names_of_any_letters_survive(result, tmp_path):
    names = ['a "quoted"\nname', "лютик 🌼\x7f"]
    renamed = replace(result, classifier=replace(result.classifier, class_names=names))
    model = tlkit.load_model(tlkit.save_model(renamed, tmp_path / "any"), "cpu")
    assert model.class_names == model.card["class_names"] == names


NEW_PROCESS = """
import sys, numpy, tlkit
from safetensors.torch import load_file
model = tlkit.load_model(sys.argv[1], device="cpu")
numpy.save(sys.argv[3], model.scores(load_file(sys.argv[2])["images"]))
"""


@pytest.mark.parametrize("kind", tlkit.PROBES)
def test_a_probe_comes_back_with_the_same_scores(kind, tiny_split, tmp_path):
    result = tlkit.linear_probe(tiny_split, kind=kind, stage="conv4", device="cpu")
    folder = tlkit.save_model(result, tmp_path / "probe")
    model = tlkit.load_model(folder, "cpu")
    assert model.network is None and (model.kind, model.stage, model.size) == (kind, "conv4", (32, 32))
    images = tiny_split.test.images
    np.testing.assert_allclose(model.scores(images), result.classifier.scores(images), rtol=1e-6)
    assert (model.predict(images) == result.predict(images)).all()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20_000, "the backbone is not copied"
    assert model_zoo(tmp_path).cards.keys() == {"probe"}


def test_a_probe_of_the_chosen_stage_in_a_new_process(tiny_split, tmp_path):
    result = tlkit.earlier_stage(tiny_split, device="cpu")
    images = tiny_split.test.images
    safetensors.torch.save_file({"images": images.contiguous()}, tmp_path / "images")
    files = tlkit.save_model(result, tmp_path / "probe"), tmp_path / "images", tmp_path / "scores.npy"
    course = {"PYTHONPATH": str(Path(tlkit.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", NEW_PROCESS, *map(str, files)], env=os.environ | course, check=True)
    np.testing.assert_allclose(np.load(files[2]), result.classifier.scores(images), rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------- what is refused


def _change(folder, content=None, **facts):
    """Other weights, other facts on the card (None takes one away), and the checksum that fits."""
    weights = folder / "model.safetensors"
    if content is not None:
        weights.write_bytes(content)
    card = read_card(folder / "card.toml") | {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()} | facts
    text = write_card({name: value for name, value in card.items() if value is not None})
    (folder / "card.toml").write_text(text, encoding="utf-8")


def _tensors(folder, change):
    state = safetensors.torch.load((folder / "model.safetensors").read_bytes())
    change(state)
    return _change(folder, safetensors.torch.save(state))


@pytest.fixture(scope="module")
def kept_probe(tiny_split, tmp_path_factory):
    result = tlkit.linear_probe(tiny_split, stage="fc6", device="cpu")
    folder = tlkit.save_model(result, tmp_path_factory.mktemp("kept") / "probe")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


DAMAGED = {
    "another stage": (lambda f: _change(f, stage="fc7"), "not those of a probe of fc7"),
    "a stage that is none": (lambda f: _change(f, stage="conv9"), "not those of a probe of conv9"),
    "no stage": (lambda f: _change(f, stage=None), "does not say: stage"),
    "another kind": (lambda f: _change(f, kind="forest"), "does not know"),
    "another grid": (lambda f: _change(f, grid=2), "does not know"),
    "another backbone": (lambda f: _change(f, backbone="minivgg-portraits"), "other weights of minivgg-portraits"),
    "no such backbone": (lambda f: _change(f, backbone="minivg"), "Did you mean 'minivgg'"),
    "a class too few": (lambda f: _change(f, class_names=["dull"]), "is damaged"),
    "no size": (lambda f: _change(f, image_size=None), "does not say: image_size"),
    "a size of words": (lambda f: _change(f, image_size="large"), "no image_size in pixels"),
    "three sizes": (lambda f: _change(f, image_size=[32, 32, 3]), "no image_size in pixels"),
    "no coefficients": (lambda f: _tensors(f, lambda s: s.pop("fc6.coef")), "not those of a probe"),
    "NaN": (lambda f: _tensors(f, lambda s: s["fc6.coef"].fill_(np.nan)), "NaN or infinite"),
    "cut columns": (lambda f: _tensors(f, lambda s: s.update({"fc6.mean": s["fc6.mean"][:9].clone()})), "is damaged"),
    "labels of none": (lambda f: _tensors(f, lambda s: s["fc6.classes"].add_(5)), "is damaged"),
    "one label twice": (lambda f: _tensors(f, lambda s: s["fc6.classes"].zero_()), "is damaged"),
    "no tensors": (lambda f: _change(f, b"not a file of tensors"), "or only a part of it"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_probe_is_refused(case, kept_probe, tmp_path):
    change, message = DAMAGED[case]
    folder = tmp_path / "probe"
    folder.mkdir()
    for name, content in kept_probe.items():
        (folder / name).write_bytes(content)
    change(folder)
    with pytest.raises(ValueError, match=message) as caught:
        tlkit.load_model(folder, "cpu")
    assert str(caught.value).count("\n") <= 2


def test_a_network_that_was_saved_under_our_own_names_is_still_loaded(result, tmp_path):
    network = tlkit.load_backbone("squeezenet1_1", pretrained=False, device="cpu").new_head(3)
    named = replace(result, classifier=Classifier(network, ["a", "b", "c"], (64, 64)))
    folder = tlkit.save_model(named, tmp_path / "old")
    content = safetensors.torch.save({key: tensor.contiguous() for key, tensor in network.state_dict().items()})
    _change(folder, content, kind=None, without_tlkit=None)
    assert torch.equal(tlkit.load_model(folder, "cpu").network.head.weight, network.head.weight)


def test_what_nobody_could_load_again_is_not_saved(result, tiny_split, tmp_path):
    def own(backbone):
        return tlkit.linear_probe(tiny_split, backbone, device="cpu")

    renamed = tlkit.load_backbone("minivgg", device="cpu")
    other_layers = tlkit.load_backbone("minivgg", device="cpu")
    other_layers.stages["fc7"][1] = nn.GELU()
    random = tlkit.load_backbone("minivgg", pretrained=False, device="cpu")
    mine = own(renamed)
    mine.classifier.backbone.name = "my_timm"
    network = replace(result, classifier=replace(result.classifier, backbone=other_layers))
    cases = {"of your own": mine, "other layers": own(other_layers), "other weights": own(random)}
    for message, refused in (cases | {"has other layers": network}).items():
        with pytest.raises(ValueError, match=message) as caught:
            tlkit.save_model(refused, tmp_path / "model")
        assert str(caught.value).count("\n") == 1
    with pytest.raises(TypeError, match="the result of a way"):
        tlkit.save_model(result.network, tmp_path / "model")
    assert not any(tmp_path.iterdir()), "nothing was left behind"


def test_a_new_head_on_a_backbone_changes_no_probe(tiny_split, tmp_path):
    backbone = tlkit.load_backbone("minivgg", device="cpu").new_head(5)
    tlkit.save_model(tlkit.linear_probe(tiny_split, backbone, device="cpu"), tmp_path / "probe")
    assert tlkit.load_model(tmp_path / "probe", "cpu").stage == "fc7"


def test_a_saved_model_is_overwritten_when_one_says_so(result, tiny_split, tmp_path):
    folder = tlkit.save_model(result, tmp_path / "model")
    with pytest.raises(ValueError, match="exists already. overwrite=True replaces it"):
        tlkit.save_model(result, folder)
    probe = tlkit.linear_probe(tiny_split, device="cpu")
    tlkit.save_model(probe, folder, overwrite=True)
    assert tlkit.load_model(folder, "cpu").stage == "fc7" and [path.name for path in tmp_path.iterdir()] == ["model"]
    tlkit.save_model(probe, tmp_path / "new", overwrite=True)  # nothing is there: it is saved


def test_no_other_folder_is_ever_overwritten(result, tmp_path):
    photos, empty, mixed, file = (tmp_path / name for name in ("photos", "empty", "mixed", "file"))
    for folder in (photos, empty):
        folder.mkdir()
    (photos / "holiday.jpg").write_text("dear")
    tlkit.save_model(result, mixed)
    (mixed / "notes.txt").write_text("dear")
    file.write_text("dear")
    for place in (photos, empty, mixed, file):
        for overwrite in (False, True):
            with pytest.raises(ValueError, match="exists already. Give|not a saved model alone"):
                tlkit.save_model(result, place, overwrite=overwrite)
    assert (photos / "holiday.jpg").exists() and (mixed / "notes.txt").exists() and file.read_text() == "dear"


def test_an_overwriting_that_fails_leaves_the_old_model(result, tmp_path, monkeypatch):
    folder = tlkit.save_model(result, tmp_path / "model")
    original = os.replace

    def fails(source, target):
        if Path(source).name.endswith(".part"):
            raise OSError(28, "No space left on device")
        original(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match=f"The disk of {tmp_path} is full. model was not saved"):
        tlkit.save_model(result, folder, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert torch.equal(tlkit.load_model(folder, "cpu").network.head.weight, result.network.head.weight)


def test_a_place_that_is_no_folder_is_said(result, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written"):
        tlkit.save_model(result, tmp_path / "file" / "model")
    with pytest.raises(ValueError, match="There is no folder"):
        tlkit.load_model(tmp_path / "nowhere")


def test_a_folder_that_was_changed_is_refused(result, tmp_path):
    folder = tlkit.save_model(result, tmp_path / "model")
    weights = folder / "model.safetensors"
    safetensors.torch.save_file({"head.weight": torch.zeros(2, 2)}, weights)
    with pytest.raises(ValueError, match="not the file that its card describes"):
        tlkit.load_model(folder)
    weights.unlink()
    with pytest.raises(ValueError, match="no readable model.safetensors"):
        tlkit.load_model(folder)
    (folder / "card.toml").write_text('backbone = "minivgg"\n')
    with pytest.raises(ValueError, match="does not say: class_names"):
        tlkit.load_model(folder)
    (folder / "card.toml").write_text(
        'backbone = "minivgg"\nclass_names = 2\nimage_size = 64\nmean = 0\nstd = 0\nsha256 = ""\n'
    )
    with pytest.raises(ValueError, match="no list of class_names"):
        tlkit.load_model(folder)


def test_the_card_says_what_its_author_says_and_not_what_was_measured(result, tmp_path):
    said = {"author": "Ada", "not_for": 'eating "red" berries'}
    card = tlkit.load_model(tlkit.save_model(result, tmp_path / "said", about=said), "cpu").card
    assert said.items() <= card.items()
    assert card["val_pictures"] == len(result.split.val) and torch.__version__ in card["made_with"]
    for name in ("val_accuracy", "test_accuracy", "two words"):
        with pytest.raises(ValueError, match=f"about cannot hold '{name}'"):
            tlkit.save_model(result, tmp_path / "boast", about={name: "100 %"})
    assert not (tmp_path / "boast").exists()
