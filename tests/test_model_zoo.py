"""A folder of saved models as a zoo: what is whole is listed, and why the rest is not."""

import pytest

import tlkit
from tlkit.disk.cards import read_card, write_card
from tlkit.transfer.sharing import model_zoo


@pytest.fixture(scope="module")
def result(tiny_split):
    return tlkit.two_phase(tiny_split, epochs=1, unfreeze_last=2, device="cpu")


NEEDED = ("backbone", "class_names", "image_size", "mean", "std", "sha256")


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
    assert "&lt;b&gt;Ada&lt;/b&gt;" in shown and "<b>" not in shown and shown.count("<p>Refused: ") == 3


def test_a_card_that_says_little_or_nonsense_is_listed_all_the_same(zoo_folder):
    path = zoo_folder / "whole" / "card.toml"
    card = read_card(path)
    path.write_text(write_card({name: card[name] for name in NEEDED} | {"val_accuracy": "very high"}))
    assert str(model_zoo(zoo_folder)).splitlines()[1].count("not stated") == 3


def test_a_zoo_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        model_zoo(tmp_path / "nowhere")
    assert str(model_zoo(tmp_path)).startswith("model") and model_zoo(tmp_path).cards == {}
