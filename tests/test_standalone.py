"""What the card says works without the course: a program of its own, and torchvision's names."""

import subprocess
import sys
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import nn

import tlkit
from tlkit.data import pictures
from tlkit.data.depths import FITS, Reading
from tlkit.disk.cards import read_card
from tlkit.nets import zoo
from tlkit.transfer.classifier import Classifier


@pytest.fixture(scope="module")
def result(tiny_split):
    return tlkit.two_phase(tiny_split, epochs=1, unfreeze_last=2, device="cpu")


# One of each kind: plain, a head that is a convolution, auxiliary heads, a head without bias, one that is not
# built without numbers, and two that torchvision has not.
ALONE = (
    *("resnet18", "squeezenet1_1", "googlenet", "mobilenet_v3_small", "regnet_y_400mf", "maxvit_t"),
    *("efficientnet_lite0", "minivgg"),
)
STRANGER = """
import os, sys
sys.modules["tlkit"] = None  # whoever imports it fails
for folder in sys.argv[2:]:
    os.chdir(folder)
    room = {}
    exec(open("program.py", encoding="utf-8").read(), room)
    pictures = room["load_file"](sys.argv[1])["images"]
    scores = {"scores": room["probabilities"](pictures), "photo": room["read"]("../photo.png").contiguous()}
    import safetensors.torch
    safetensors.torch.save_file(scores, "scores")
"""


def _with_new_head(name):
    """A network as after training: its BatchNorm has seen something."""
    network = tlkit.load_backbone(name, pretrained=False, device="cpu").new_head(3)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
    return network


def test_the_program_on_the_card_gives_the_same_answers_without_the_course(result, tmp_path):
    images = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    safetensors.torch.save_file({"images": images}, tmp_path / "images")
    values = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(values).resize((500, 330)).save(tmp_path / "photo.png")
    networks = {name: _with_new_head(name) for name in ALONE}
    readings = dict(zip(ALONE, cycle([None, *(Reading(fit=fit) for fit in FITS)])))
    for name, network in networks.items():
        classifier = Classifier(network, ['a "b"', "c\n'", "{d}"], (224, 224), reading=readings[name])
        folder = tlkit.save_model(replace(result, classifier=classifier), tmp_path / name)
        (folder / "program.py").write_text(read_card(folder / "card.toml")["without_tlkit"], encoding="utf-8")
    folders = [str(tmp_path / name) for name in ALONE]
    subprocess.run([sys.executable, "-c", STRANGER, str(tmp_path / "images"), *folders], check=True)
    for name, network in networks.items():
        found = safetensors.torch.load_file(tmp_path / name / "scores")
        with torch.inference_mode():
            torch.testing.assert_close(found["scores"], network(images).softmax(1), rtol=1e-3, atol=1e-4)
        assert (found["photo"].numpy() == pictures.read_picture(tmp_path / "photo.png", 224, readings[name])).all()
        again = tlkit.load_model(tmp_path / name, "cpu").network.state_dict()
        assert all(tensor.equal(again[key]) for key, tensor in network.state_dict().items()), name


@pytest.mark.parametrize("name", ["alexnet", "inception_v3", "densenet121", "swin_t", "vit_b_32", "convnext_tiny"])
def test_every_tensor_has_a_name_in_torchvision(name):
    stages, keys = zoo.skeleton(name)
    with torch.device("meta"):
        theirs = zoo.build(name).state_dict()
    kept = {key for key in theirs if not key.lower().startswith("aux")}
    assert set(keys.values()) == kept and len(set(keys.values())) == len(keys)
    assert {f"stages.{key}" for key in stages.state_dict()} == {key for key in keys if not key.startswith("head.")}
    assert all(theirs[keys[f"stages.{key}"]].shape == tensor.shape for key, tensor in stages.state_dict().items())
