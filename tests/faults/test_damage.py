"""Random damage to every kind of file that is kept: what comes back is as it was, made again, or refused in words.

Bits are flipped, bytes lost, added, or written over, anywhere and often near the beginning. Never may a reader give
something else without a word, nor end in an exception from deep inside another library.
"""

import json
import shutil
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tlkit
from tlkit.disk.cache import cache_folder, cached, digest
from tlkit.exercises import progress
from tlkit.nets import backbones
from tlkit.study.decision import SHIPPED
from tlkit.transfer import checkpoints
from tlkit.transfer.features import sweep_features

OWN = Path(tlkit.__file__).parent


def damaged(content: bytes, chance: np.random.Generator) -> bytes:
    """One of five damages; never the content as it was."""
    bad = bytearray(content)
    beginning = min(len(bad), 400) if chance.random() < 0.4 else len(bad)
    place = int(chance.integers(beginning))
    some = slice(place, place + int(chance.integers(1, 300)))
    kind = chance.integers(5)
    if kind == 0:
        bad[place] ^= 1 << int(chance.integers(8))
    elif kind == 1:
        del bad[place:]
    elif kind == 2:
        del bad[some]
    elif kind == 3:
        bad[some] = bytes(len(bad[some]))
    else:
        bad[place:place] = chance.bytes(5)
    return bytes(bad) if bad != content else damaged(content, chance)


def outcome(read, before) -> str:
    """What reading a damaged file comes to."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            after = read()
        except Exception as error:
            raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
            return "told" if raised_in.is_relative_to(OWN) else "bare"
    return "unharmed" if after == before else "told" if told else "silent"


# ------------------------------------------------------------------- the files: made, and read again


def photos(folder, monkeypatch):
    chance = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for k in range(12):
            Image.fromarray(chance.integers(0, 255, (24, 24, 3), np.uint8)).save(folder / "photos" / name / f"{k}.png")

    def read():
        return digest(tlkit.load_folder(folder / "photos", image_size=32).train.images)

    read()
    (decoded,) = cache_folder().rglob("images.npy")
    return decoded, read


def features(folder, monkeypatch):
    backbone = tlkit.load_backbone("minivgg", device="cpu")
    pictures = torch.arange(300 * 3 * 32 * 32).remainder(251).to(torch.uint8).reshape(300, 3, 32, 32)

    def read():
        return sweep_features(backbone, pictures, ["conv1"])[0]["conv1"].tobytes()

    read()
    (table,) = cache_folder().rglob("conv1.npy")
    return table, read


def features_state(folder, monkeypatch):
    table, read = features(folder, monkeypatch)
    return table.with_name("state.json"), read


def drawn(folder, monkeypatch):
    def read():
        return digest(cached("drawn", "0", lambda: {"images": torch.arange(999)})["images"])

    read()
    return cache_folder() / "drawn" / "0.safetensors", read


def model(folder, monkeypatch):
    split = tlkit.load_dataset("plates", 5, image_size=32)
    saved = tlkit.save_model(tlkit.linear_probe(split, device="cpu"), folder / "model")

    def read():
        loaded = tlkit.load_model(saved, "cpu")
        return loaded.class_names, loaded.predict(split.test.images[:4]).tolist()

    return saved / "card.toml", read


def model_weights(folder, monkeypatch):
    card, read = model(folder, monkeypatch)
    return card.with_name("model.safetensors"), read


def the_map(folder, monkeypatch):
    for path in (SHIPPED["drawn"], SHIPPED["drawn"].with_suffix(".toml")):
        shutil.copy(path, folder)
    path = folder / SHIPPED["drawn"].name
    return path, lambda: tlkit.load_map(path).rows


def map_card(folder, monkeypatch):
    path, read = the_map(folder, monkeypatch)
    return path.with_suffix(".toml"), lambda: (read(), tlkit.load_map(path).image_size)


def checkpoint(folder, monkeypatch):
    path, settings = folder / "run.pt", {"epochs": 3, "seed": 0}
    network = torch.nn.Linear(64, 64)
    parts = dict.fromkeys(("network", "optimizer", "schedule", "scaler"), network)
    checkpoints.keep(path, parts, {"loss": [0.5]}, {}, settings)

    def read():
        found = checkpoints.read(path, settings, torch.device("cpu"))
        return digest(*found["network"].values()), found["history"]

    return path, read


def progress_file(folder, monkeypatch):
    path = folder / "done.json"
    monkeypatch.setenv("TLKIT_PROGRESS", str(path))
    for name in ("00.1", "00.2", "01.quiz", "04.3"):
        progress.note(name)
    kept = {"00.1", "00.2", "01.quiz", "04.3", "05.1"}

    def read():
        """One more exercise is done; what was set aside is still there to be read by a person."""
        progress.note("05.1")
        json.loads(path.read_text())
        return progress.done() == kept

    return path, read


def shipped_weights(folder, monkeypatch):
    for file in backbones.WEIGHTS.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(backbones, "WEIGHTS", folder)
    return folder / "minivgg.safetensors", lambda: digest(
        *tlkit.load_backbone("minivgg", device="cpu").state_dict().values()
    )


def shipped_card(folder, monkeypatch):
    path, read = shipped_weights(folder, monkeypatch)
    return path.with_suffix(".toml"), lambda: (read(), tlkit.load_backbone("minivgg", device="cpu").source_accuracy)


FILES = {
    "decoded photos": photos,
    "feature table": features,
    "feature table, state.json": features_state,
    "drawn pictures": drawn,
    "saved model, card": model,
    "saved model, weights": model_weights,
    "decision map": the_map,
    "decision map, card": map_card,
    "checkpoint": checkpoint,
    "progress": progress_file,
    "shipped weights": shipped_weights,
    "shipped weights, card": shipped_card,
}


@pytest.mark.parametrize("kind", FILES)
def test_damage_is_mended_or_told(kind, tmp_path, empty_cache, monkeypatch, tally, trials):
    (tmp_path / "files").mkdir()
    path, read = FILES[kind](tmp_path / "files", monkeypatch)
    before, whole, chance = read(), path.read_bytes(), np.random.default_rng(0)
    bad = []
    for trial in range(trials):
        path.write_bytes(damaged(whole, chance))
        found = outcome(read, before)
        tally[kind][found] += 1
        if found in ("silent", "bare"):
            bad.append(trial)
        path.write_bytes(whole)
    assert not bad, "trials that ended in silence, or in an exception from deep inside"
