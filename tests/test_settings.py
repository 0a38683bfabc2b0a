"""How each way trains a backbone stands on a card: rates by family, and enough steps for small sets."""

from dataclasses import replace

import pytest
import torch

import tlkit
from tlkit.nets import settings
from tlkit.nets.settings import BATCH, settings_of
from tlkit.transfer import training_run
from tlkit.transfer.network_ways import default_epochs


@pytest.fixture(scope="module")
def squeezenet():
    return tlkit.load_backbone("squeezenet1_1", pretrained=False, seed=1, device="cpu")


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A card of this test's own, in place of the course's."""
    keys = ("full_rate", "head_rate", "backbone_factor", "zero_head", "fixed_statistics", "least_steps")
    line = "".join(f"{key} = {{}}\n" for key in keys) + "chosen_on = 'a test'\n"
    line += "similarity_border = 0.5\nunsure_below = 0.1\nunsure_above = 0.1\n"
    text = "".join(
        f"[{name}]\n{line.format(*values)}"
        for name, values in {
            "default": (1e-4, 2e-3, 0.5, "false", "true", 6),
            "squeezenet": (2e-4, 4e-3, 0.25, "true", "true", 4),
            "squeezenet1_1": (5e-5, 6e-3, 0.125, "true", "true", 40),
        }.items()
    )
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(settings, "CARD", path)
    settings._tables.cache_clear()
    yield
    settings._tables.cache_clear()


def test_the_longest_beginning_of_a_name_counts_and_others_have_the_default(card):
    rates = {name: settings_of(name).full_rate for name in ("squeezenet1_1", "squeezenet1_0", "resnet18", "my own")}
    assert rates == {"squeezenet1_1": 5e-5, "squeezenet1_0": 2e-4, "resnet18": 1e-4, "my own": 1e-4}


@pytest.fixture
def asked(monkeypatch):
    """What the ways ask of training, which is left out."""
    seen = []

    def train(network, train, val, epochs, *args, **options):
        groups = options.get("groups") or [{"lr": options.get("learning_rate")}]
        rates = args[:1] or tuple(group["lr"] for group in groups)  # of the first phase it is given by place
        zero = not network.head.weight.any() and not network.head.bias.any()
        found = {"zero": zero, "fixed": network.fixed_statistics}
        seen.append({"epochs": epochs, "passes": options["passes"], "rates": rates} | found)
        return tlkit.History([0.0] * epochs)

    monkeypatch.setattr("tlkit.transfer.network_ways.train_network", train)
    return seen


def test_ways_train_as_the_card_of_the_family_says(card, asked, tiny_split, squeezenet):
    for way in (tlkit.pretrained_start, tlkit.from_scratch, tlkit.two_phase):
        way(tiny_split, squeezenet, device="cpu")
    start, scratch, head, stages = asked
    assert start["rates"] == scratch["rates"] == (5e-5,) and head["rates"] == (6e-3,)
    assert stages["rates"] == (6e-3, *[6e-3 / 8] * len(squeezenet.stages))
    # Scratch is random from end to end, and its BatchNorm has no statistics yet.
    assert [each["zero"] for each in asked] == [each["fixed"] for each in asked] == [True, False, True, True]
    assert [each["epochs"] for each in asked] == [15, 30, 15, 15]
    assert [each["passes"] for each in asked] == [3, 3, 3, 3]  # of one step each: 45 are more than 40, 90 than 80


def test_what_is_given_counts_more_than_the_card(card, asked, tiny_split, squeezenet):
    result = tlkit.pretrained_start(tiny_split, squeezenet, epochs=3, learning_rate=1e-2, device="cpu")
    assert asked[0] == {"epochs": 3, "passes": 1, "rates": (1e-2,), "zero": True, "fixed": True}
    assert tlkit.pretrained_start(tiny_split, squeezenet, passes=2, device="cpu").settings["passes"] == 2
    assert result.settings["epochs"] == 3


@pytest.mark.parametrize("way", [tlkit.pretrained_start, tlkit.scaled_start, tlkit.from_scratch, tlkit.two_phase])
def test_a_rate_of_nothing_is_refused_and_not_taken_for_none_given(way, tiny_split):
    with pytest.raises(ValueError, match="learning_rate must be"):
        way(tiny_split, learning_rate=0, epochs=1, device="cpu")
    with pytest.raises(ValueError, match="passes must be at least 1"):
        way(tiny_split, passes=0, device="cpu")


@pytest.mark.parametrize("pictures", [1, 10, 31, 32, 33, 50, 63, 64, 200, 5000])
@pytest.mark.parametrize("least", [0, 1, 100, 151])
def test_small_sets_have_the_steps_that_the_card_wants_and_large_ones_no_more_than_before(pictures, least):
    wants = replace(settings_of("minivgg"), least_steps=least)
    for pretrained in (True, False):
        for epochs in (1, 7, 30):
            one = max(1, pictures // BATCH) * epochs
            passes, wanted = wants.passes(pictures, epochs, pretrained), least if pretrained else 2 * least
            assert passes >= 1 and passes * one >= wanted
            assert passes == 1 or (passes - 1) * one < wanted


def test_minivgg_trains_as_when_the_map_was_measured():
    card = settings_of("minivgg")
    assert card == settings_of("minivgg-portraits")
    assert (card.full_rate, card.head_rate, card.backbone_factor) == (4e-3, 3e-3, 0.1)
    assert not card.zero_head and not card.fixed_statistics
    for per_class, epochs in ((5, 15), (20, 15), (100, 7), (300, 4)):
        assert default_epochs(per_class) == epochs == default_epochs(per_class, False) / 2
        assert card.passes(17 * per_class, epochs) == card.passes(17 * per_class, 2 * epochs, False) == 1


def test_the_shipped_map_has_the_epochs_of_these_settings():
    twice = {"fine-tuning": 2, "scratch": 2, "scaled start": 2, "pretrained start": 1}  # two phases; twice as long
    for row in tlkit.load_map().rows:
        if row["epochs"]:
            assert row["epochs"] == twice[row["way"]] * default_epochs(row["per_class"])


def test_an_epoch_of_two_passes_sees_every_picture_twice(small, monkeypatch):
    seen = []
    original = training_run.step
    monkeypatch.setattr(training_run, "step", lambda n, x, y, *rest: (seen.append(y), original(n, x, y, *rest))[1])
    network = tlkit.load_backbone(device="cpu").new_head(2)
    history = tlkit.train_network(network, small, small, 2, batch_size=16, passes=3)
    assert len(history.loss) == len(history.val_accuracy) == 2
    assert [len(y) for y in seen] == [16] * 18
    for labels in torch.cat(seen).split(48):  # each pass is the whole set, dealt anew
        assert labels.bincount().tolist() == [24, 24]
    with pytest.raises(ValueError, match="passes must be at least 1"):
        tlkit.train_network(network, small, None, 1, passes=0)


def test_one_pass_is_what_training_has_always_been(small):
    runs = []
    for options in ({}, {"passes": 1}):
        network = tlkit.load_backbone(device="cpu").new_head(2)
        runs.append(tlkit.train_network(network, small, None, 1, batch_size=16, **options).loss)
    assert runs[0] == pytest.approx(runs[1], rel=1e-3)
