"""A network of one's own goes wherever a name goes; what is no backbone is refused in words."""

import copy

import pytest
import torch
from joblib import Parallel, delayed
from torch import nn

import tlkit
from tlkit.nets.own_backbones import random_copy

MEAN, STD = (0.4, 0.4, 0.4), (0.2, 0.2, 0.2)


class Scaled(nn.Module):
    """A layer with a weight of its own, as many networks have."""

    def __init__(self, channels, can_reset=True):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.5))
        if can_reset:
            self.reset_parameters = lambda: nn.init.ones_(self.scale)

    def forward(self, x):
        return x * self.scale


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def _parts(**changes):
    stages = {
        "stem": nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        "middle": nn.Sequential(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.GELU()),
        "codes": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 12), nn.ReLU()),
    }
    return (
        dict(name="mine", stages=stages, head=nn.Linear(12, 7), mean=MEAN, std=STD, image_size=32, smallest=8) | changes
    )


def _make(**changes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = tlkit.Backbone(**_parts(**changes)).eval()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.fill_(0.1)  # as if it had been pretrained
    made.source_accuracy = 0.9
    return made


@pytest.fixture
def mine():
    return _make()


QUICK = {name: {"epochs": 2} for name, way in tlkit.WAYS.items() if way.trains}


@pytest.mark.parametrize("way", list(tlkit.WAYS))
def test_it_goes_every_way_and_stays_as_it_is(way, mine, tiny_split):
    before = copy.deepcopy(mine.state_dict())
    result = tlkit.WAYS[way](tiny_split, mine, device="cpu", **QUICK.get(way, {}))
    assert result.backbone == "mine" and 0 <= result.open_test() <= 1
    assert all(tensor.equal(before[name]) for name, tensor in mine.state_dict().items())
    assert mine.head.out_features == 7 and mine.frozen == 0
    if tlkit.WAYS[result.way].trains:
        assert result.trained_parameters == sum(p.numel() for p in result.network.parameters())


@pytest.mark.parametrize("way", ["pretrained start", "scratch"])
def test_a_frozen_one_is_trained_whole_where_the_way_says_so(way, mine, tiny_split):
    frozen = tlkit.freeze(mine)
    result = tlkit.WAYS[way](tiny_split, frozen, epochs=1, device="cpu")
    assert result.trained_parameters == sum(p.numel() for p in result.network.parameters()) and frozen.frozen == 3


def test_scratch_forgets_everything_and_follows_its_seed(mine):
    first, again, other = (random_copy(mine, seed) for seed in (1, 1, 2))
    for (name, old), one, two, three in zip(
        mine.stages.state_dict().items(), *(made.stages.state_dict().values() for made in (first, again, other))
    ):
        assert one.equal(two)
        if name.endswith(("0.weight", "2.weight")):
            assert not one.equal(old) and not one.equal(three), name
    assert first.stages["stem"][1].running_mean.eq(0).all() and first.source_accuracy is None
    assert not first.head.weight.equal(mine.head.weight)


def test_layers_of_every_kind_draw_their_weights_or_are_refused(tiny_split):
    attention = nn.MultiheadAttention(8, 2)
    with_attention = _make(
        stages=_parts()["stages"] | {"codes": nn.Sequential(*_parts()["stages"]["codes"], attention)}
    )
    before = attention.in_proj_weight.clone()
    assert not random_copy(with_attention, 0).stages["codes"][-1].in_proj_weight.equal(before)
    for can_reset in (True, False):
        middle = nn.Sequential(*_parts()["stages"]["middle"], Scaled(16, can_reset))
        scaled = _make(stages=_parts()["stages"] | {"middle": middle})
        if can_reset:
            assert random_copy(scaled, 0).stages["middle"][-1].scale.shape == (16, 1, 1)
            continue
        with pytest.raises(
            ValueError, match="stages.middle.3, a Scaled, has weights but no reset_parameters"
        ) as caught:
            tlkit.from_scratch(tiny_split, scaled, device="cpu")
        assert len(str(caught.value).splitlines()) == 2


def test_compare_takes_it(mine, tiny_split):
    table = tlkit.compare(["probe", "scratch"], tiny_split, seeds=[0], backbone=mine, device="cpu")
    assert table.ways == ["probe", "scratch"]


def test_it_travels_to_other_processes(mine, pictures):
    class Mine(nn.Module):  # as in a notebook: other processes cannot import it
        def forward(self, x):
            return x.tanh()

    mine.stages["middle"].append(Mine())
    (there,) = Parallel(n_jobs=2)([delayed(copy.copy)(mine)])
    assert there.own and there.source_accuracy == 0.9
    torch.testing.assert_close(there(pictures), mine(pictures))


def test_advice_says_how_to_prove_it_with_the_object(mine, tiny_split):
    advice = tlkit.advise(tiny_split, mine, device="cpu")
    assert advice.own and advice.backbone == "mine"
    proof = str(advice).splitlines()[-1]
    assert proof.startswith("Proof, with your split and backbone: tlkit.compare(")
    code = proof.partition(": ")[2].replace(")", ", seeds=[0], device='cpu')")
    table = eval(code, {"tlkit": tlkit, "split": tiny_split, "backbone": mine})  # what it says works
    assert len(table.ways) == 2
    loaded = tlkit.advise(tiny_split, tlkit.load_backbone(device="cpu"), device="cpu")
    assert not loaded.own and str(loaded).endswith('split, backbone="minivgg")')


def test_one_with_a_shipped_name_is_not_taken_for_the_shipped_one(tiny_split):
    named = _make(name="minivgg")
    result = tlkit.from_scratch(tiny_split, named, epochs=1, device="cpu")
    assert result.network.stage_names == ["stem", "middle", "codes"]
    assert tlkit.advise(tiny_split, named, device="cpu").own


def test_features_are_not_those_of_another_network_with_the_same_weights(pictures):
    gelu, tanh = (_make() for _ in range(2))
    tanh.stages["middle"][2] = nn.Tanh()
    one, other = (tlkit.extract_features(network, pictures) for network in (gelu, tanh))
    assert abs(one - other).max() > 1e-3


def _stages(**changes):
    return {"stages": _parts()["stages"] | changes}


_SHARED = nn.Linear(12, 12)

BAD_PARTS = {
    "no text as name": (dict(name=None), ValueError, "needs a name"),
    "empty name": (dict(name=""), ValueError, "needs a name"),
    "slash in the name": (dict(name="timm/resnet18"), ValueError, "without slashes, not 'timm/resnet18'"),
    "no dict": (dict(stages=[nn.Sequential()]), TypeError, "stages must be a dict"),
    "no stage": (dict(stages={}), TypeError, "stages must be a dict"),
    "a stage that is a layer": (
        _stages(middle=nn.Conv2d(8, 16, 3)),
        TypeError,
        "Stage middle must be an nn.Sequential, not",
    ),
    "a dot in a stage's name": (_stages(**{"layer.1": nn.Sequential()}), ValueError, "cannot be called 'layer.1'"),
    "a number as name": (dict(stages={1: nn.Sequential()}), ValueError, "cannot be called 1"),
    "a layer in two stages": (
        _stages(a=nn.Sequential(_SHARED), b=nn.Sequential(_SHARED)),
        ValueError,
        "Stage a has a layer with weights that stands in another stage too",
    ),
    "no linear head": (dict(head=nn.Sequential(nn.Linear(12, 7))), TypeError, "must be an nn.Linear, not Sequential"),
    "no head": (dict(head=None), TypeError, "must be an nn.Linear, not NoneType"),
    "one mean": (dict(mean=(0.5,)), ValueError, "mean needs three numbers, for red, green and blue, but it has 1"),
    "four spreads": (dict(std=(0.5,) * 4), ValueError, "std needs three numbers"),
    "a spread of 0": (dict(std=(0.2, 0.0, 0.2)), ValueError, "std must be above 0"),
    "no number": (dict(std=(0.2, float("nan"), 0.2)), ValueError, "std must be finite"),
    "values of 255": (dict(mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4)), ValueError, "Divide them by 255?"),
    "smallest of 0": (dict(smallest=0), ValueError, "smallest must be at least 1"),
    "smaller than the smallest": (dict(image_size=16, smallest=32), ValueError, "image_size must be at least 32"),
    "half a pixel": (dict(image_size=22.4), TypeError, "image_size must be a whole number"),
}


@pytest.mark.parametrize(("change", "error", "message"), BAD_PARTS.values(), ids=BAD_PARTS)
def test_what_is_no_backbone_is_refused(change, error, message):
    with pytest.raises(error, match=message) as caught:
        tlkit.Backbone(**_parts(**change))
    assert len(str(caught.value).splitlines()) <= 2


UNFIT = {
    "codes that are maps": (
        _stages(codes=nn.Sequential(nn.Conv2d(16, 12, 1))),
        "gives \\(12, 8, 8\\) for a picture, but its head",
    ),
    "a head of another width": (
        dict(head=nn.Linear(99, 7)),
        "gives \\(12,\\) for a picture, but its head takes 99 numbers",
    ),
    "channels that do not follow": (
        _stages(middle=nn.Sequential(nn.Conv2d(4, 16, 3))),
        "Stage middle of mine cannot take \\(1, 8, 16, 16",
    ),
    "no tensor": (
        _stages(middle=nn.Sequential(nn.Conv2d(8, 16, 3), Pair())),
        "Stage middle of mine gives a tuple, not a tensor",
    ),
    "grey pictures": (
        _stages(stem=nn.Sequential(nn.Conv2d(1, 8, 3))),
        "Stage stem of mine cannot take \\(1, 3, 32, 32",
    ),
}


@pytest.mark.parametrize(("change", "message"), UNFIT.values(), ids=UNFIT)
def test_what_does_not_fit_together_is_refused_before_work_starts(change, message, tiny_split):
    unfit = _make(**change)
    for use in (*tlkit.WAYS.values(), tlkit.advise):
        with pytest.raises(ValueError, match=message) as caught:
            use(tiny_split, unfit, device="cpu")
        assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (None, "mine does not say how often its head is right on its source.*\nbackbone.source_accuracy ="),
        (76.0, "source_accuracy of mine must be a share, above 0 to 1, but it is 76.0"),
        (0.0, "must be a share"),
        (float("nan"), "must be a share"),
    ],
)
def test_similarity_needs_to_know_how_good_its_head_is(known, message, mine, tiny_split):
    mine.source_accuracy = known
    for use in (tlkit.advise, tlkit.similarity) if known is not None else (tlkit.similarity,):
        with pytest.raises(ValueError, match=message) as caught:
            use(tiny_split, mine, device="cpu")
        assert len(str(caught.value).splitlines()) <= 2


def test_advice_goes_without_similarity_where_nobody_knows_it(mine, tiny_split):
    mine.source_accuracy = None
    advice = tlkit.advise(tiny_split, mine, device="cpu")
    assert advice.similarity is advice.likeness is advice.rule is None and advice.way in tlkit.WAYS
    assert "how similar, this head can not say" in str(advice) and list(advice.evidence.stages) == mine.stage_names
