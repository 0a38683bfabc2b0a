"""A trained network goes out as a folder and comes back the same."""

import pytest
import safetensors.torch
import torch

import tlkit


@pytest.fixture(scope="module")
def result(tiny_split):
    return tlkit.two_phase(tiny_split, epochs=1, unfreeze_last=2, device="cpu")


def test_what_is_loaded_predicts_the_same(result, tmp_path):
    result.open_test()
    folder = tlkit.save_model(result, tmp_path / "reds", data_licence="CC BY 4.0")
    network, card = tlkit.load_model(folder, device="cpu")
    images = result.split.test.images
    assert torch.equal(network(images), result.network(images))
    assert (tlkit.predict(network, images).numpy() == result.test_answers).all()
    assert card["class_names"] == ["dull", "red"] and card["stages_trained"] == ["fc6", "fc7", "head"]
    assert card["test_accuracy"] == pytest.approx(result.test_accuracy, abs=1e-4)
    assert (card["backbone"], card["data_licence"], card["image_size"]) == ("minivgg", "CC BY 4.0", 32)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reds"]


def test_class_names_of_any_letters_survive(result, tmp_path):
    from dataclasses import replace

    names = ['a "quoted"\nname', "лютик 🌼\x7f"]
    renamed = replace(result, split=replace(result.split, class_names=names))
    assert tlkit.load_model(tlkit.save_model(renamed, tmp_path / "any"), "cpu")[1]["class_names"] == names


def test_what_cannot_be_saved_is_said(result, tiny_split, tmp_path):
    with pytest.raises(ValueError, match="no network of its own"):
        tlkit.save_model(tlkit.linear_probe(tiny_split, device="cpu"), tmp_path / "probe")
    tlkit.save_model(result, tmp_path / "twice")
    with pytest.raises(ValueError, match="exists already"):
        tlkit.save_model(result, tmp_path / "twice")


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
