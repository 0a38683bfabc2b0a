"""torchvision's models as backbones: nothing lost in the cutting, whichever family."""

import hashlib
import re

import pytest
import torch
from torch import nn

import tlkit
from tlkit.nets import backbones, zoo

NAMED = ("alexnet", "vgg16", "vgg19", "inception_v3", "resnet18", "resnet50", "squeezenet1_1", "mobilenet_v2")
NAMED += ("mobilenet_v3_small", "efficientnet_b0", "convnext_tiny")
ONE_OF_EACH_OTHER_FAMILY = ("densenet121", "googlenet", "mnasnet0_5", "regnet_y_400mf", "shufflenet_v2_x0_5")
ONE_OF_EACH_OTHER_FAMILY += ("swin_t", "vit_b_32", "maxvit_t")
CODES = {"alexnet": 4096, "vgg16": 4096, "vgg19": 4096, "inception_v3": 2048, "resnet18": 512, "squeezenet1_1": 512}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty folder in place of torchvision's own."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


def _smallest_size(name):
    return 224 if name.startswith(("vit", "swin", "maxvit")) else max(64, *zoo.weights_of(name).meta["min_size"])


@pytest.mark.parametrize("name", [*NAMED, *ONE_OF_EACH_OTHER_FAMILY])
def test_the_stages_compute_what_the_model_computes(name):
    torch.manual_seed(0)
    model = zoo.build(name).eval()
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):  # as after training, not as new
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
    stages, head = zoo.cut(model)
    nn.init.normal_(head.weight, std=0.02)  # a vision transformer's new head is all zeros
    size = _smallest_size(name)
    x = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        codes = x
        for layers in stages.values():
            codes = nn.Sequential(*layers)(codes)
        assert codes.dim() == 2 and codes.shape[1] == CODES.get(name, head.in_features)
        if name == "squeezenet1_1":  # its own head is no linear one: the codes are what must agree
            assert torch.allclose(codes, model.features(x).mean((2, 3)), atol=1e-6)
        else:
            assert torch.allclose(head(codes), model(x), rtol=1e-4, atol=1e-4)
    parameters = [p for layers in stages.values() for layer in layers for p in layer.parameters()]
    assert len(parameters) == len({id(p) for p in parameters})
    assert len(stages) >= 4


def test_every_model_of_torchvision_has_a_family_that_is_known():
    builders = {name: zoo.models.get_model_builder(name) for name in zoo.names()}
    modules = {builder.__module__.rsplit(".", 1)[-1] for builder in builders.values()}
    tested = {builders[name].__module__.rsplit(".", 1)[-1] for name in (*NAMED, *ONE_OF_EACH_OTHER_FAMILY)}
    assert modules == tested


def test_an_unknown_family_is_refused_in_words():
    with pytest.raises(ValueError, match="does not know how to cut a Linear"):
        zoo.cut(nn.Linear(2, 2))


def test_preprocessing_and_size_come_from_the_weights():
    inception = tlkit.load_backbone("inception_v3", pretrained=False, device="cpu")
    assert inception.image_size == 299 and inception.smallest == 75 and inception.mean.flatten().tolist() == [0.5] * 3
    squeezenet = tlkit.load_backbone("squeezenet1_1", pretrained=False, device="cpu")
    assert squeezenet.image_size == 224 and squeezenet.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert squeezenet.source_accuracy is None


def test_a_transformer_says_which_size_it_takes_and_gives_features_at_every_stage():
    vit = tlkit.load_backbone("vit_b_32", pretrained=False, device="cpu")
    with pytest.raises(ValueError, match="needs at least 224 x 224"):
        vit(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with pytest.raises(ValueError, match="image_size=224"):
        vit(torch.zeros(1, 3, 256, 256, dtype=torch.uint8))
    picture = torch.zeros(1, 3, 224, 224, dtype=torch.uint8)
    assert tlkit.extract_features(vit, picture, "block2").shape == (1, 768)


def test_the_codes_without_their_relu():
    alexnet = tlkit.load_backbone("alexnet", pretrained=False, device="cpu")
    picture = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    assert (alexnet.activations(picture, "fc6", relu=False) < 0).any()
    for stage in ("conv1", "fc6"):
        without = alexnet.activations(picture, stage, relu=False)
        assert torch.allclose(without.clamp(min=0), alexnet.activations(picture, stage))
    resnet = tlkit.load_backbone("resnet18", pretrained=False, device="cpu")
    with pytest.raises(ValueError, match="layer3 does not end with a ReLU"):
        resnet.activations(picture, "layer3", relu=False)


@pytest.fixture(scope="module")
def small_squeezenet():
    return tlkit.load_backbone("squeezenet1_1", pretrained=False, device="cpu")


@pytest.mark.parametrize("way", tlkit.WAYS)
def test_every_way_takes_a_torchvision_backbone_and_leaves_it_as_it_was(way, tiny_split, small_squeezenet):
    before = {name: tensor.clone() for name, tensor in small_squeezenet.state_dict().items()}
    short = {"epochs": 1} if tlkit.WAYS[way].trains else {}
    result = tlkit.WAYS[way](tiny_split, small_squeezenet, device="cpu", **short)
    assert result.backbone == "squeezenet1_1" and 0 <= result.open_test() <= 1
    assert all(tensor.equal(small_squeezenet.state_dict()[name]) for name, tensor in before.items())


def test_freezing_and_groups_work_on_it(small_squeezenet):
    frozen = tlkit.unfreeze(tlkit.load_backbone("squeezenet1_1", pretrained=False, device="cpu"), 1).train()
    assert [any(p.requires_grad for p in stage.parameters()) for stage in frozen.stages.values()] == [False] * 3 + [
        True
    ]
    assert not frozen.stages["block1"].training and frozen.stages["block4"].training
    groups = tlkit.parameter_groups(frozen, 1e-3, stage_decay=0.5)
    assert [group["name"] for group in groups] == ["head", "block4"]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_from_a_file(tmp_path, suffix):
    import safetensors.torch

    torch.manual_seed(1)
    state = zoo.build("squeezenet1_1").state_dict()
    path = tmp_path / f"mine{suffix}"
    torch.save(state, path) if suffix == ".pth" else safetensors.torch.save_file(state, path)
    backbone = tlkit.load_backbone("squeezenet1_1", weights=path, device="cpu")
    assert backbone.stages["block1"][0].weight.equal(state["features.0.weight"])
    assert backbone.source_accuracy == pytest.approx(0.58178)


def test_files_of_densenet_have_older_names(tmp_path):
    state = zoo.build("densenet121").state_dict()
    older = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key): each for key, each in state.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in older
    torch.save(older, tmp_path / "densenet121.pth")
    backbone = tlkit.load_backbone("densenet121", weights=tmp_path / "densenet121.pth", device="cpu")
    first = state["features.denseblock1.denselayer1.conv1.weight"]
    assert any(each.shape == first.shape and each.equal(first) for each in backbone.state_dict().values())


class _Trap:
    def __reduce__(self):
        return (print, ("code in a weights file was run",))


def test_files_that_are_no_weights_are_refused(tmp_path, capsys):
    torch.save({"a": _Trap()}, tmp_path / "trap.pth")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 and no more")
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    cases = {"trap.pth": "more than tensors", "cut.pth": "damaged", "other.pth": "do not belong", "list.pth": "a list"}
    for name, message in (cases | {"none.pth": "no weights file"}).items():
        with pytest.raises(ValueError, match=message) as caught:
            tlkit.load_backbone("squeezenet1_1", weights=tmp_path / name, device="cpu")
        assert str(caught.value).count("\n") <= 2
    assert "was run" not in capsys.readouterr().out


def test_without_network_it_says_what_works(hub, monkeypatch):
    monkeypatch.setenv("TLKIT_OFFLINE", "1")
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: pytest.fail("the network was asked"))
    with pytest.raises(ConnectionError, match="minivgg") as caught:
        tlkit.load_backbone("resnet18", device="cpu")
    assert str(caught.value).count("\n") == 1 and caught.value.__cause__ is not None


@pytest.fixture
def publish(hub, monkeypatch):
    """Save something as if PyTorch had published it: under a name that ends in its own checksum."""
    monkeypatch.setenv("TLKIT_OFFLINE", "1")

    def save(content):
        hub.mkdir(exist_ok=True)
        torch.save(content, hub / "here.pth")
        checksum = hashlib.sha256((hub / "here.pth").read_bytes()).hexdigest()[:8]
        path = (hub / "here.pth").rename(hub / f"squeezenet1_1-{checksum}.pth")
        monkeypatch.setattr(zoo, "weights_file", lambda name: path)
        return path

    return save


def test_weights_that_were_fetched_are_loaded(publish):
    torch.manual_seed(2)
    state = zoo.build("squeezenet1_1").state_dict()
    publish(state)
    assert tlkit.is_here("squeezenet1_1")
    backbone = tlkit.load_backbone("squeezenet1_1", device="cpu")
    assert backbone.stages["block1"][0].weight.equal(state["features.0.weight"])


def test_weights_that_lie_there_already_are_held_against_their_name(publish):
    """A shared TORCH_HOME is written by others; torchvision's loader checks only what it downloads itself."""
    path = publish(zoo.build("squeezenet1_1").state_dict())
    tlkit.load_backbone("squeezenet1_1", device="cpu")
    content = path.read_bytes()
    for damaged in (content[:-100], content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="not the published one") as caught:
            tlkit.load_backbone("squeezenet1_1", device="cpu")
        assert str(path) in str(caught.value) and "tlkit fetch squeezenet1_1" in str(caught.value)
    torch.save({"features.0.weight": torch.zeros(1)}, path)  # sane tensors, another file
    with pytest.raises(ValueError, match="not the published one"):
        tlkit.load_backbone("squeezenet1_1", device="cpu")


def test_code_in_a_fetched_file_is_never_run(publish, capsys):
    publish({"features.0.weight": _Trap()})  # its name says the right checksum
    with pytest.raises(ValueError, match="more than tensors"):
        tlkit.load_backbone("squeezenet1_1", device="cpu")
    assert "was run" not in capsys.readouterr().out


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'resnet18'"):
        tlkit.load_backbone("resnet-18")
    assert "minivgg" in backbones.backbone_names()
