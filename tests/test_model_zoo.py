"""A folder of saved models as a zoo: what is whole is listed, and why the rest is not."""

import hashlib
import os
import re

import pytest
import safetensors.torch

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
    whys = {"bare": "has no card.toml", "cut": "only a part of it", "empty": "no readable"}
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


def _card(change):
    """A change of the card of a model whose weights are whole."""

    def spoil(folder):
        path = folder / "card.toml"
        path.write_text(write_card(read_card(path) | change))

    return spoil


def _bytes(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def _pipe(name):
    def spoil(folder):
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def _device(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/dev/zero")


def _holes(folder):
    with open(folder / "model.safetensors", "wb") as file:
        file.truncate(8 * 2**30)


BAD = {
    "brackets": (_bytes("card.toml", b"a = " + b"[" * 100_000), "cannot be read"),
    "letters": (_bytes("card.toml", b"author = '\xff\xfe'"), "cannot be read"),
    "long": (_bytes("card.toml", b"#" * 2**21), "too much for such a file"),
    "list": (_card({"backbone": [1, 2]}), "no text for backbone"),
    "infinite": (_card({"mean": [float("inf"), 0.0, 0.0]}), "no mean of three colours"),
    "no colours": (_card({"std": []}), "no std of three colours"),
    "no kind": (_card({"kind": ["svm"]}), "no text for kind"),
    "checksum": (_card({"sha256": "md5:0"}), "not the file that its card describes"),
    "holes": (_holes, "or only a part of it"),
    "header": (_bytes("model.safetensors", (90_000_000).to_bytes(8, "little") + b"{}"), "or only a part of it"),
    "nested": (_bytes("model.safetensors", (10**5).to_bytes(8, "little") + b"[" * 10**5), "or only a part of it"),
}
if hasattr(os, "mkfifo"):  # Windows has neither
    BAD["card pipe"] = (_pipe("card.toml"), "has no card.toml")
    BAD["weights pipe"] = (_pipe("model.safetensors"), "no readable model.safetensors")
    BAD["device"] = (_device, "no readable model.safetensors")


@pytest.mark.parametrize("case", BAD)
def test_one_bad_entry_gets_one_line_and_the_others_are_listed(case, result, tmp_path):
    spoil, why = BAD[case]
    for name in ("bad", "good"):
        tlkit.save_model(result, tmp_path / name)
    spoil(tmp_path / "bad")
    zoo = model_zoo(tmp_path)
    assert list(zoo.cards) == ["good"] and why in zoo.refused["bad"]
    assert len(str(zoo).splitlines()) == 3
    with pytest.raises(ValueError, match=re.escape(why)):
        tlkit.load_model(tmp_path / "bad")


@pytest.mark.parametrize("claim", [True, 10**400, float("nan"), -1, 2.5, [0.9], "0.9"])
def test_an_accuracy_that_is_none_is_not_stated(claim, zoo_folder):
    _card({"val_accuracy": claim, "author": "Ada\x1b[2J\nBen"})(zoo_folder / "whole")
    line = str(model_zoo(zoo_folder)).splitlines()[1]
    assert "not stated" in line and "Ada [2J Ben" in line and "\x1b" not in str(model_zoo(zoo_folder))


def test_weights_that_are_no_numbers_are_refused(result, tmp_path):
    folder = tlkit.save_model(result, tmp_path / "model")
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    tensors["head.bias"] = tensors["head.bias"] * float("nan")
    content = safetensors.torch.save(tensors)
    (folder / "model.safetensors").write_bytes(content)
    _card({"sha256": hashlib.sha256(content).hexdigest()})(folder)
    with pytest.raises(ValueError, match="NaN or infinite"):
        tlkit.load_model(folder)


def test_whoever_changes_a_card_removes_its_seal(result, tmp_path):
    folder = tlkit.save_model(result, tmp_path / "model")
    path = folder / "card.toml"
    path.write_text(path.read_text().replace('data_licence = "not stated"', 'data_licence = "CC BY 4.0"'))
    with pytest.raises(ValueError, match="changed by hand.\n.* delete its line that begins with card_sha256"):
        tlkit.load_model(folder)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("card_sha256")))
    assert tlkit.load_model(folder, "cpu").card["data_licence"] == "CC BY 4.0"
