"""fc6, fc7 and the head as convolutions: equal on the training size, a map on larger pictures."""

import copy
import json

import pytest
import torch
from torch import nn
from torchvision.models.vgg import VGG, make_layers

import tlkit
from tlkit.course import COURSE
from tlkit.nets import zoo
from tlkit.nets.backbone import Backbone

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def noise(height, width, count=2):
    random = torch.Generator().manual_seed(height + width)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=random)


@pytest.fixture(scope="module")
def small_vgg():
    """A VGG of torchvision with few channels and units, cut as the large ones are."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = VGG(nn.Identity(), num_classes=5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model.features = make_layers([4, "M", 6, "M", 8, "M", 8, "M", 8, "M"])
        sizes = iter([(8 * 7 * 7, 12), (12, 12), (12, 5)])
        model.classifier = nn.Sequential(
            *(nn.Linear(*next(sizes)) if isinstance(layer, nn.Linear) else layer for layer in model.classifier)
        )
    stages, head = zoo.cut(model)
    stages = {name: nn.Sequential(*layers) for name, layers in stages.items()}
    return Backbone("vgg11", stages, head, (0.5,) * 3, (0.25,) * 3, image_size=224, smallest=32).eval()


@pytest.fixture(scope="module")
def converted(backbone):
    return tlkit.as_convolutions(backbone)


@torch.inference_mode()
def test_on_the_training_size_the_scores_are_those_of_the_network(backbone, converted, pictures):
    scores = converted(pictures)
    assert scores.shape == (8, 100, 1, 1)
    torch.testing.assert_close(scores.flatten(1), backbone(pictures), **CLOSE)


@torch.inference_mode()
def test_a_larger_picture_gives_a_map(converted):
    for size, places in (((64, 64), (1, 1)), ((95, 64), (1, 1)), ((96, 128), (2, 3)), ((256, 384), (7, 11))):
        assert converted(noise(*size)).shape == (2, 100, *places)


def test_it_is_what_the_lesson_writes_out(backbone, pictures):
    """The two cells of lesson 10, run as they stand there."""
    lesson = json.loads((COURSE / "lessons" / "10_other_image_sizes.ipynb").read_text(encoding="utf-8"))
    cells = {cell["id"]: "".join(cell["source"]) for cell in lesson["cells"]}
    names = {"nn": nn, "torch": torch, "backbone": copy.deepcopy(backbone)}
    names["fc6"] = names["backbone"].stages["fc6"][2]
    exec(cells["by-hand"], names)
    with torch.inference_mode():
        for images in (pictures, noise(96, 160)):
            by_hand = names["by_hand"](backbone.normalise(images))
            torch.testing.assert_close(tlkit.as_convolutions(backbone)(images), by_hand, **CLOSE)


@torch.inference_mode()
def test_without_padding_a_place_is_a_window(converted):
    """With padding it is not: a cut-out has zeros round it, the window in the picture has its neighbours."""
    picture = noise(192, 224, count=1)
    windows = picture[0].unfold(1, 128, 32).unfold(2, 128, 32).permute(1, 2, 0, 3, 4)
    assert windows.shape[:2] == (3, 4)
    unpadded = copy.deepcopy(converted)
    for layer in unpadded:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
    cut = unpadded(windows.flatten(0, 1)).view(3, 4, 100).permute(2, 0, 1)
    torch.testing.assert_close(unpadded(picture)[0], cut, rtol=1e-4, atol=1e-4)
    padded = converted(picture)[0, :, ::2, ::2]
    assert not torch.allclose(padded[:, :2, :2], converted(windows[:2, :2].flatten(0, 1))[..., 0, 0].T.view(100, 2, 2))


@torch.inference_mode()
def test_a_vgg_of_torchvision(small_vgg):
    converted, large = tlkit.as_convolutions(small_vgg), noise(256, 320)
    small = noise(224, 224)
    torch.testing.assert_close(converted(small).flatten(1), small_vgg(small), rtol=1e-5, atol=1e-6)
    assert converted(large).shape == (2, 5, 2, 4)
    kinds = [type(layer).__name__ for layer in converted[-8:]]
    assert kinds == ["MaxPool2d", "Conv2d", "ReLU", "Dropout", "Conv2d", "ReLU", "Dropout", "Conv2d"]


def test_alexnet_and_vgg16_by_their_shapes():
    """On the meta device: shapes without numbers."""
    for name, window, channels in (("alexnet", 6, 256), ("vgg16", 7, 512)):
        with torch.device("meta"):
            converted = tlkit.as_convolutions(tlkit.load_backbone(name, pretrained=False, device="meta"))
            scores = converted(torch.empty(1, 3, 384, 384, dtype=torch.uint8))
        assert scores.shape == (1, 1000, 6, 6)
        fc6 = next(layer for layer in converted if isinstance(layer, nn.Conv2d) and layer.out_channels == 4096)
        assert fc6.weight.shape == (4096, channels, window, window)


def test_the_backbone_is_left_as_it_is(backbone, pictures):
    own = copy.deepcopy(backbone)
    before = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    converted = tlkit.as_convolutions(own).train()
    converted(pictures)  # moves the statistics of BatchNorm
    with torch.no_grad():
        for parameter in converted.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in own.state_dict().items())
    assert not own.training


def test_a_head_without_bias_and_another_number_of_classes(backbone, pictures):
    own = copy.deepcopy(backbone).new_head(3)
    own.head = nn.Linear(512, 3, bias=False)
    with torch.inference_mode():
        torch.testing.assert_close(tlkit.as_convolutions(own)(pictures).flatten(1), own(pictures), **CLOSE)


def test_other_families_and_small_pictures_are_refused(converted):
    with torch.device("meta"):
        other = tlkit.load_backbone("squeezenet1_1", pretrained=False, device="meta")
    with pytest.raises(ValueError, match="squeezenet1_1 has no fc6 and fc7.*\n.*minivgg, AlexNet and the VGGs"):
        tlkit.as_convolutions(other)
    with pytest.raises(ValueError, match="48 x 96 pixels; this backbone needs at least 64 x 64"):
        converted(noise(48, 96))
    with pytest.raises(TypeError, match="uint8"):
        converted(noise(64, 64).float())
