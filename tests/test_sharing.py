"""A trained network goes out as a folder and comes back the same."""

import pytest
import safetensors.torch
import torch

import tlkit
from tlkit.sharing import model_zoo


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
    (folder / "card.toml").write_text('backbone = "minivgg"\nclass_names = 2\nmean = 0\nstd = 0\nsha256 = ""\n')
    with pytest.raises(ValueError, match="no list of class_names"):
        tlkit.load_model(folder)


def test_the_card_says_what_its_author_says_and_not_what_was_measured(result, tmp_path):
    said = {"author": "Ada", "not_for": 'eating "red" berries'}
    card = tlkit.load_model(tlkit.save_model(result, tmp_path / "said", about=said), "cpu")[1]
    assert said.items() <= card.items()
    assert card["val_pictures"] == len(result.split.val) and torch.__version__ in card["made_with"]
    for name in ("val_accuracy", "test_accuracy", "two words"):
        with pytest.raises(ValueError, match=f"about cannot hold '{name}'"):
            tlkit.save_model(result, tmp_path / "boast", about={name: "100 %"})
    assert not (tmp_path / "boast").exists()


@pytest.fixture
def zoo_folder(result, tmp_path):
    """A whole model, and three that are not: cut short, without its card, without its weights."""
    zoo = tmp_path / "zoo"
    for name in ("whole", "cut", "bare", "empty"):
        tlkit.save_model(result, zoo / name, about={"author": "<b>Ada</b>"})
    weights = zoo / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (zoo / "bare" / "card.toml").unlink()
    (zoo / "empty" / "model.safetensors").unlink()
    (zoo / ".hidden").mkdir()
    (zoo / "notes.txt").write_text("no folder")
    return zoo


def test_a_zoo_lists_what_is_whole_and_says_why_the_rest_is_not(result, zoo_folder):
    zoo = model_zoo(zoo_folder)
    assert list(zoo.cards) == ["whole"] and zoo.cards["whole"]["megabytes"] == pytest.approx(7.2, abs=0.3)
    whys = {"bare": "has no card.toml", "cut": "not the file that its card", "empty": "no readable"}
    assert list(zoo.refused) == list(whys)
    assert all(why in zoo.refused[name] for name, why in whys.items())
    head, line, *bad = str(zoo).splitlines()
    assert head.startswith("model") and "whole" in line and len(bad) == 3 and all("refused: " in each for each in bad)
    assert f"{result.val_accuracy:.1%} of {len(result.split.val)}, seed 0" in line


def test_what_a_stranger_wrote_on_a_card_is_shown_as_text(zoo_folder):
    shown = model_zoo(zoo_folder)._repr_html_()
    assert "&lt;b&gt;Ada&lt;/b&gt;" in shown and "<b>" not in shown and shown.count("<li>") == 3


def test_a_card_that_says_little_or_nonsense_is_listed_all_the_same(zoo_folder):
    path = zoo_folder / "whole" / "card.toml"
    lines = path.read_text().splitlines()
    kept = [line for line in lines if line.split(" = ")[0] in ("backbone", "class_names", "mean", "std", "sha256")]
    path.write_text("\n".join([*kept, 'val_accuracy = "very high"']))
    assert str(model_zoo(zoo_folder)).splitlines()[1].count("not stated") == 3


def test_a_zoo_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        model_zoo(tmp_path / "nowhere")
    assert str(model_zoo(tmp_path)).startswith("model") and model_zoo(tmp_path).cards == {}
