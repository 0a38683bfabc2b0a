"""Lesson 09: what it says to copy needs no tlkit, and its one line takes a ResNet-18 as well."""

import ast
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from tlkit.course import lessons, read_notebook

_IMPORTED = {"copy", "importlib", "pathlib", "numpy", "torch", "torchvision", "sklearn"}


@pytest.fixture(scope="module")
def to_copy():
    """The code from the cell of imports to the one that saves, as the lesson tells its reader to keep it."""
    (path,) = lessons(["09"])
    cells = {c["id"]: "".join(c["source"]) for c in read_notebook(path)["cells"] if c["cell_type"] == "code"}
    ids = list(cells)
    return {ident: cells[ident] for ident in ids[ids.index("imports") : ids.index("save") + 1]}


@pytest.fixture
def photos(tmp_path):
    """Three colours in three folders, of ten photos each."""
    random = np.random.default_rng(0)
    for k, name in enumerate(("blue", "green", "red")):
        (tmp_path / "all_my_photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = random.integers(0, 120, (80, 64, 3), dtype=np.uint8)
            pixels[..., 2 - k] += 130
            Image.fromarray(pixels).save(tmp_path / "all_my_photos" / name / f"{number}.png")
    return tmp_path


def test_what_is_to_be_copied_needs_no_tlkit(to_copy):
    assert len(to_copy) > 12
    for ident, source in to_copy.items():
        assert "tlkit" not in source, ident
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= _IMPORTED, ident


def test_with_photos_of_your_own_and_one_line_changed_to_a_resnet(to_copy, photos, monkeypatch):
    def resnet18(weights=None, make=models.resnet18):
        torch.manual_seed(1)
        return make(weights=None)  # no test may download

    monkeypatch.setattr(models, "resnet18", resnet18)
    monkeypatch.chdir(photos)
    first, second, *_ = to_copy["line"].splitlines()
    assert first.startswith("build, mean, std = efficientnet_lite0") and second.startswith("# build, mean, std = ")
    line = to_copy["line"].replace(first, "").replace(second, second.removeprefix("# "))
    known = {}
    for source in (to_copy["imports"], _cut_by_the_lesson(), *({**to_copy, "line": line}).values()):
        exec(source.replace("epochs=6", "epochs=2").replace("SIZE = 64", "SIZE = 32"), known)  # what matters stays
    assert {part: len(list(photos.glob(f"my_photos/{part}/*/*.png"))) for part in ("train", "val", "test")} == {
        "train": 18,
        "val": 4,
        "test": 8,
    }
    assert known["build"] is resnet18 and known["classes"] == ["blue", "green", "red"]
    assert len(known["on_val"]) == len(known["names"]) == 7 and max(known["on_val"].values()) > 0.9
    assert known["moved"] and all(name.startswith(("layer3", "layer4", "fc")) for name in known["moved"])
    before, after = (known[name].state_dict() for name in ("pretrained", "tuned"))
    assert all(torch.equal(before[name], after[name]) for name in before if "running" in name or "layer2" in name)
    assert (known["answers"](known["loaded"], known["test"]) == known["answers"](known["tuned"], known["test"])).all()
    assert torch.load(photos / "my_photos" / "my_model.pth", weights_only=True)["classes"] == known["classes"]


def _cut_by_the_lesson():
    """The lines that the lesson gives to cut a folder into parts."""
    (path,) = lessons(["09"])
    (text,) = ("".join(c["source"]) for c in read_notebook(path)["cells"] if c["id"] == "copy-text")
    return re.search(r"```python\n(.+?)```", text, flags=re.DOTALL)[1]
