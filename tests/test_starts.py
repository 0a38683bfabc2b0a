"""Networks that differ in nothing but their start: made, measured, kept, read, and the share of a gain."""

import copy

import numpy as np
import pytest
from torch import nn

import tlkit
from tlkit.cli import main
from tlkit.disk.cards import read_card
from tlkit.nets.settings import settings_of
from tlkit.study import starts
from tlkit.study.starts import SHIPPED, STARTS, TRAINED, load_starts, share_of_gain, start_network, trained_groups


@pytest.fixture(scope="module")
def source():
    return tlkit.load_backbone("minivgg", device="cpu")


@pytest.fixture
def asked(monkeypatch):
    """The trainings that are asked for; none takes place."""
    seen = []

    def train(network, train, val, epochs, **settings):
        seen.append(dict(rates=[group["lr"] for group in settings["groups"]], epochs=epochs, seed=settings["seed"]))
        return tlkit.History(loss=[1.0] * epochs, val_accuracy=[0.25] * epochs)

    monkeypatch.setattr(starts, "train_network", train)
    monkeypatch.setattr(starts, "accuracy", lambda network, part: 0.5)
    return seen


# ------------------------------------------------------------------------------------ one network


def test_the_starts_differ_in_the_stages_alone(source):
    before = copy.deepcopy(source.state_dict())
    made = {start: start_network(start, source, 17, seed=2) for start in STARTS}
    heads = [network.head.weight for network in made.values()]
    assert all(head.equal(heads[0]) and len(head) == 17 for head in heads)
    assert all(w.equal(before[name]) for name, w in source.state_dict().items())
    for name, old in before.items():
        if not name.startswith("stages.") or "num_batches" in name:
            continue
        same = {start for start, network in made.items() if network.state_dict()[name].equal(old)}
        is_norm = ".1." in name and "conv" in name
        assert same == ({"pretrained", "scaled with BatchNorm"} if is_norm else {"pretrained"}), name
    spread = {start: network.stages["fc7"][0].weight.std().item() for start, network in made.items()}
    assert spread["scaled"] == pytest.approx(spread["pretrained"], rel=0.02)
    assert spread["random"] != pytest.approx(spread["pretrained"], rel=0.02)


@pytest.mark.parametrize("trained", TRAINED)
def test_what_is_trained_is_what_its_groups_hold(trained, source):
    network = start_network("pretrained", source, 17)
    groups = trained_groups(network, trained, 4e-3, 3e-3)
    held = {id(weight) for group in groups for weight in group["params"]}
    assert held == {id(weight) for weight in network.parameters() if weight.requires_grad}
    norms = {id(w) for layer in network.modules() if isinstance(layer, nn.BatchNorm2d) for w in layer.parameters()}
    head = {id(weight) for weight in network.head.parameters()}
    whole = {id(weight) for weight in network.parameters()}
    assert held == {"all": whole, "BatchNorm": norms | head, "head": head}[trained]
    # Frozen statistics belong to frozen stages: where BatchNorm learns, it follows the batches.
    training = {layer.training for layer in network.train().modules() if isinstance(layer, nn.BatchNorm2d)}
    assert training == {trained != "head"}


# ------------------------------------------------------------------------------------ the survey


def test_a_survey_goes_on_where_it_stopped_and_says_what_it_was_made_from(tmp_path, asked, capsys):
    out = tmp_path / "starts.csv"
    command = ["starts", "--out", str(out), "--datasets", "flowers", "--per-class", "1", "--device", "cpu"]
    assert main([*command, "--seeds", "1"]) == 0
    assert main([*command, "--seeds", "2"]) == 0
    assert [each["seed"] for each in asked] == [0] * 4 + [1] * 4
    assert all(each["rates"] == [4e-3] and each["epochs"] == 8 for each in asked)
    found = load_starts(out)
    assert found.places == [("flowers", 1)] and [row["start"] for row in found.rows[::2]] == list(STARTS)
    assert found.curves("flowers", "random", per_class=1).tolist() == [[0.25] * 8] * 2
    assert found.accuracies("flowers", "scaled", per_class=1).tolist() == [0.5, 0.5]
    card = read_card(out.with_suffix(".toml"))
    assert card["backbone"] == "minivgg" and card["epochs"] == 8 and "tlkit starts" in card["command"]
    assert main([*command, "--seeds", "1", "--epochs", "3"]) == 1 and "other epochs" in capsys.readouterr().err


def test_less_than_all_is_trained_from_pretrained_and_from_random_weights(tmp_path, asked):
    found = starts.run_starts(
        tmp_path / "norms.csv", datasets=["tissue"], per_class=[1], trained=["BatchNorm", "head"], seeds=1, device="cpu"
    )
    cells = [(row["trained"], row["start"]) for row in found.rows]
    assert cells == [(part, start) for part in ("BatchNorm", "head") for start in ("pretrained", "random")]
    assert [each["rates"] for each in asked] == [[3e-3, starts.NORM_RATE]] * 2 + [[3e-3]] * 2


def test_a_network_without_batchnorm_has_three_starts(tmp_path, asked, monkeypatch):
    plain = tlkit.load_backbone("squeezenet1_1", pretrained=False, seed=1, device="cpu")
    monkeypatch.setattr(starts, "load_backbone", lambda *_, **__: copy.deepcopy(plain))
    found = starts.run_starts(
        tmp_path / "s.csv", "squeezenet1_1", ["digits"], [1], seeds=1, image_size=32, device="cpu"
    )
    assert [row["start"] for row in found.rows] == ["pretrained", "scaled", "random"]
    assert {each["rates"][0] for each in asked} == {settings_of("squeezenet1_1").full_rate}


def test_bad_requests_are_refused_before_work_starts(tmp_path, asked):
    unknown = [{"trained": ["norms"]}, {"backbone": "minivg"}, {"datasets": ["flower"]}]
    for wrong in [{"seeds": 0}, {"jobs": 0}, {"epochs": 0}, *unknown]:
        with pytest.raises(ValueError):
            starts.run_starts(tmp_path / "starts.csv", **wrong)
    assert not asked and not (tmp_path / "starts.csv").exists()
    with pytest.raises(ValueError, match="no start called 'scale'"):
        start_network("scale", None, 2)


# ------------------------------------------------------------------------------------ the share of a gain


def test_the_interval_of_a_share_holds_every_share_that_the_draws_allow():
    random = np.random.default_rng(0)
    whole = 0.3 + 0.02 * random.normal(size=5)
    part = 0.4 * whole + 0.01 * random.normal(size=5)
    share = share_of_gain(part, whole)
    assert share.mean == pytest.approx(part.mean() / whole.mean()) and share.low < share.mean < share.high
    for ratio in (share.low, share.high):  # at the borders the difference is just not clear of the noise
        rest = tlkit.mean_interval(part - ratio * whole)
        assert min(abs(rest.low), abs(rest.high)) < 1e-9
    assert not tlkit.mean_interval(part - share.mean * whole).clear


def test_the_interval_covers_the_true_share_nineteen_times_of_twenty():
    random = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        whole = 0.3 + 0.05 * random.normal(size=5)
        share = share_of_gain(0.12 + 0.03 * random.normal(size=5), whole)
        held += share.low <= 0.4 <= share.high
    assert 0.91 < held / 400 < 0.99


def test_of_a_gain_inside_the_noise_there_is_no_share():
    share = share_of_gain([0.01, 0.02, 0.0], [0.05, -0.04, 0.01])
    assert not share.known and np.isfinite(share.mean)
    with pytest.raises(ValueError, match="2 part but 3 whole"):
        share_of_gain([0.1, 0.2], [0.1, 0.2, 0.3])


# ------------------------------------------------------------------------------------ what ships


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_whole_and_of_the_settings_of_today(name):
    found, card = load_starts(name), read_card(SHIPPED[name].with_suffix(".toml"))
    settings = settings_of(card["backbone"])
    assert (card["full_rate"], card["head_rate"], card["least_steps"], card["norm_rate"]) == (
        settings.full_rate, settings.head_rate, settings.least_steps, starts.NORM_RATE
    )  # fmt: skip
    cells = {(row["dataset"], row["start"], row["trained"]) for row in found.rows}
    for dataset, start, trained in cells:
        curves = found.curves(dataset, start, trained)
        draws = len(found.accuracies(dataset, start, trained))
        assert curves.shape == (draws, card["epochs"]) and f"--seeds {draws} " in card["command"] and draws >= 3
    assert len(found.rows) == card["rows"] == draws * len(cells)
    with pytest.raises(ValueError, match="What was: "):
        found.accuracies("faces", "random")
