"""The backbone: its stages, its weights, what it refuses."""

import hashlib

import pytest
import torch

import tlkit
from tlkit.disk.cards import read_card
from tlkit.nets import backbones
from tlkit.nets.devices import pick_device

STAGES = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]


def test_stages_run_from_early_to_late(backbone, pictures):
    assert backbone.stage_names == STAGES and backbone.code_stage == "fc7"
    shapes = [tuple(backbone.activations(pictures, stage).shape[1:]) for stage in STAGES]
    assert shapes == [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (256, 2, 2), (512,), (512,)]
    assert backbone(pictures).shape == (8, 100)


def test_a_stage_is_what_plain_pytorch_computes(backbone, pictures):
    x = (pictures.float() / 255 - backbone.mean) / backbone.std
    for stage in STAGES:
        x = backbone.stages[stage](x)
        torch.testing.assert_close(x, backbone.activations(pictures, stage), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(backbone.head(x), backbone(pictures), rtol=1e-4, atol=1e-4)


def test_codes_are_relud_and_can_be_had_without(backbone, pictures):
    with_relu, without = (backbone.activations(pictures, relu=relu) for relu in (True, False))
    assert (without < 0).any() and torch.equal(without.clamp(min=0), with_relu)


@pytest.mark.parametrize("size", [32, 48, 64, 96, 128, 225])
def test_any_size_that_the_pooling_allows(backbone, size):
    images = torch.zeros(2, 3, size, size, dtype=torch.uint8)
    assert backbone(images).shape == (2, 100)


def test_too_small_pictures_are_refused(backbone):
    with pytest.raises(ValueError, match="needs at least 32 x 32"):
        backbone(torch.zeros(2, 3, 31, 31, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x.float(), TypeError, "dtype is torch.float32"),
        (lambda x: x[0], ValueError, r"picture\[None\]"),
        (lambda x: x.permute(0, 2, 3, 1), ValueError, r"permute\(0, 3, 1, 2\)"),
        (lambda x: x[:, :1], ValueError, r"shape is \(8, 1, 64, 64\)"),
        (lambda x: x[:0], ValueError, "n = 0"),
        (lambda x: x.numpy(), TypeError, "ndarray"),
    ],
)
def test_wrong_pictures_are_refused_in_words(backbone, pictures, change, error, message):
    for use in (backbone, lambda images: tlkit.extract_features(backbone, images)):
        with pytest.raises(error, match=message) as caught:
            use(change(pictures))
        assert len(str(caught.value).splitlines()) <= 2


def test_unknown_names_come_back_with_the_nearest(backbone, pictures):
    with pytest.raises(ValueError, match="Did you mean 'minivgg'"):
        tlkit.load_backbone("minivg")
    with pytest.raises(ValueError, match=r"Did you mean 'fc7'.*There are: conv1"):
        backbone.activations(pictures, "fc77")
    with pytest.raises(ValueError, match="no device 'cuda:99'"):
        pick_device("cuda:99")


def test_the_shipped_weights_are_those_of_the_card():
    path = backbones.WEIGHTS / "minivgg.safetensors"
    card = read_card(path.with_suffix(".toml"))
    assert path.stat().st_size <= 8_000_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card["sha256"]
    assert {"source_accuracy", "seed", "command", "date", "licence"} <= set(card)
    assert sum(p.numel() for p in tlkit.load_backbone().parameters()) == card["weights"]


def test_one_changed_byte_is_noticed(tmp_path, monkeypatch):
    for file in backbones.WEIGHTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(backbones, "WEIGHTS", tmp_path)
    path = tmp_path / "minivgg.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged: its checksum") as caught:
        tlkit.load_backbone("minivgg")
    assert len(str(caught.value).splitlines()) <= 2
    path.unlink()
    with pytest.raises(ValueError, match="are missing"):
        tlkit.load_backbone("minivgg")


def test_the_shipped_backbone_recognises_the_source_as_its_card_says():
    card = read_card(backbones.WEIGHTS / "minivgg.toml")
    atlas = tlkit.load_dataset("atlas", per_class=1, seed=card["seed"])
    network = tlkit.load_backbone("minivgg")
    predicted = tlkit.predict(network, atlas.test.images)
    right = (predicted == atlas.test.labels).float().mean().item()
    assert len(atlas.test) == card["held_out_images"]
    assert right == pytest.approx(card["source_accuracy"], abs=0.003)
    # Balanced: no class is given out far too often or never.
    given = predicted.bincount(minlength=100)
    assert given.min() >= 5 and given.max() <= 120


def test_random_weights_follow_their_seed_and_leave_torch_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, again, other = (tlkit.load_backbone(pretrained=False, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    weights = [network.stages["conv1"][0].weight for network in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_a_new_head_has_the_asked_classes():
    network = tlkit.load_backbone(pretrained=False).new_head(17, seed=1)
    assert network(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape == (2, 17)
