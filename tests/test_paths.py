"""Whatever takes a path says what is wrong with one that can be none, before any work starts."""

import os
from pathlib import Path

import pytest

import tlkit
from tlkit import checks

WRONG = {
    "nothing": (None, TypeError, "must be a path"),
    "a number": (7, TypeError, "must be a path"),
    "a list": (["a"], TypeError, "must be a path"),
    "bytes": (b"a", TypeError, "must be a path"),
    "an empty text": (" ", ValueError, "is empty"),
    "a character of zero": ("a\0b", ValueError, "a character that no path may have"),
    "nobody's home": ("~nobody-of-that-name/x", ValueError, "no such user"),
    "a long name": ("x" * 300, ValueError, "too long"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_can_be_no_path_is_refused(case):
    value, kind, said = WRONG[case]
    with pytest.raises(kind, match=f"^out .*{said}") as caught:
        checks.path("out", value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_what_may_be_one_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert checks.path("out", "~/a") == tmp_path / "a"
    assert checks.path("out", tmp_path / "not there" / "b") == tmp_path / "not there" / "b"
    (tmp_path / "file").touch()
    assert checks.path("out", tmp_path / "file" / "c") == Path(tmp_path, "file", "c")
    assert checks.path("out", os.curdir) == Path()


DOORS = {
    "load_folder": tlkit.load_folder,
    "load_model": tlkit.load_model,
    "model_zoo": tlkit.model_zoo,
    "load_map": tlkit.load_map,
    "weights": lambda path: tlkit.load_backbone("minivgg", weights=path, device="cpu"),
}


@pytest.mark.parametrize("case", [name for name in WRONG if name != "nothing"])
@pytest.mark.parametrize("door", DOORS)
def test_every_door_asks_so(door, case):
    value, kind, said = WRONG[case]
    with pytest.raises(kind, match=said):
        DOORS[door](value)


def test_so_does_whatever_writes(tiny_split, tmp_path):
    result = tlkit.linear_probe(tiny_split, device="cpu")
    for value, kind, said in WRONG.values():
        with pytest.raises(kind, match=said):
            tlkit.save_model(result, value)
        with pytest.raises(kind, match=said):
            result.predict_photos([value])
