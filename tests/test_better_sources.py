"""The ladder of source networks: how one is trained and read, what the table says, and what ships."""

import hashlib
import json

import numpy as np
import pytest
import torch

import tlkit
from tlkit import course
from tlkit.data.splits import ImageSet, Split
from tlkit.disk.cards import read_card
from tlkit.study import better_sources, source_networks
from tlkit.study.better_sources import SHIPPED, load_better_sources, plot_better_sources, rank_correlations
from tlkit.study.source_networks import EPOCHS, TARGETS, class_separation, pretrain_source
from tlkit.world import WORLD
from tools import cli, sources

# ------------------------------------------------------------------------------------ one network


@pytest.fixture(scope="module")
def bright_or_dark():
    """Two classes that any network learns, 32 pictures of each part."""
    labels = torch.arange(32) % 2
    images = (torch.randint(0, 40, (32, 3, 32, 32), generator=torch.Generator().manual_seed(0))).byte()
    part = ImageSet(images + 200 * labels.view(-1, 1, 1, 1).byte(), labels, ("dark", "bright"))
    return Split("two", ["dark", "bright"], part, part, part, per_class=16, seed=0)


def test_a_network_learns_and_the_seed_decides_everything(bright_or_dark):
    one, other, third = (pretrain_source(bright_or_dark, 4, seed=seed, device="cpu") for seed in (1, 1, 2))
    assert tlkit.accuracy(one, bright_or_dark.test) == 1 and not one.training
    weights = [network.stages["conv1"][0].weight for network in (one, other, third)]
    assert torch.equal(*weights[:2]) and not torch.equal(*weights[1:])
    assert list(one.class_names) == ["dark", "bright"]


def test_smoothed_labels_are_what_the_loss_is_held_against(bright_or_dark):
    """With all of a label spread evenly there is nothing to learn but doubt."""
    sure, unsure = (pretrain_source(bright_or_dark, 20, share, device="cpu") for share in (0.0, 1.0))
    with torch.no_grad():
        chances = [network(bright_or_dark.test.images).softmax(1).max(1).values.mean() for network in (sure, unsure)]
    assert chances[0] > chances[1] + 0.1


@pytest.mark.parametrize(
    "wrong", [dict(epochs=0), dict(epochs=1.5), dict(smoothing=-0.1), dict(smoothing=2), dict(split="atlas")]
)
def test_what_no_training_takes_is_refused(bright_or_dark, wrong):
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        pretrain_source(**({"split": bright_or_dark, "epochs": 1} | wrong))


def test_separation_is_one_for_points_and_near_zero_for_luck():
    labels, random = np.repeat(np.arange(4), 25), np.random.default_rng(0)
    assert class_separation(np.eye(4)[labels], labels) == pytest.approx(1)
    assert abs(class_separation(random.normal(size=(100, 300)), labels)) < 0.1
    rows = random.normal(size=(100, 6)) + 2 * np.eye(6)[labels]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    apart, same = 1 - unit @ unit.T, labels[:, None] == labels
    assert class_separation(rows, labels) == pytest.approx(1 - apart[same].mean() / apart.mean())
    assert class_separation(rows * random.uniform(1, 9, (100, 1)), labels) == pytest.approx(
        class_separation(rows, labels)
    )


# ------------------------------------------------------------------------------------ the command


@pytest.fixture
def measured_now(monkeypatch):
    """Networks that are noted and not trained."""
    asked = []

    def measure(seed, epochs, smoothing, per_class, device):
        asked.append((seed, epochs, smoothing))
        about = {"seed": seed, "epochs": epochs, "smoothing": smoothing, "source": 0.1 * epochs, "separation": 0.8}
        return [about | {"target": name, "codes": 0.05 * epochs, "conv5": 0.5} for name in TARGETS]

    monkeypatch.setattr(sources, "measure_source", measure)
    return asked


def test_the_command_measures_the_ladder_and_goes_on(measured_now, tmp_path, capsys):
    out = tmp_path / "sources.csv"
    assert cli.main(["sources", "--seeds", "1", "--out", str(out)]) == 0
    assert measured_now == [(0, 1, 0.0), (0, 2, 0.0), (0, 4, 0.0), (0, 8, 0.0), (0, 8, 0.1)]
    assert cli.main(["sources", "--seeds", "2", "--out", str(out)]) == 0
    assert [cell[0] for cell in measured_now[5:]] == [1] * 5, "what is there is not measured again"
    found = load_better_sources(out)
    assert found.epochs == list(EPOCHS) and found.targets == list(TARGETS) and len(found.rows) == 50
    assert cli.main(["sources", "--per-class", "5", "--out", str(out)]) == 1
    assert "other per_class" in capsys.readouterr().err


# ------------------------------------------------------------------------------------ the table


def row(seed, epochs, smoothing, target, source, codes):
    about = {"seed": seed, "epochs": epochs, "smoothing": smoothing, "source": source, "separation": 0.5}
    return about | {"target": target, "codes": codes, "conv5": 0.3}


@pytest.fixture
def table():
    """Flowers rise with the source, tissue falls; smoothed labels cost 0.1, 0.2, 0.3."""
    rows = []
    for seed in (2, 0, 1):
        for step, epochs in enumerate((1, 2, 4)):
            rows += [row(seed, epochs, 0.0, "tissue", 0.2 + 0.1 * step, 0.4 - 0.1 * step)]
            rows += [row(seed, epochs, 0.0, "flowers", 0.2 + 0.1 * step, 0.5 + 0.1 * step + 0.01 * seed)]
        rows += [row(seed, 4, 0.1, name, 0.45, 0.6 + 0.01 * seed - 0.1 * seed) for name in ("flowers", "tissue")]
    return better_sources.BetterSources(rows)


def test_values_come_by_seed_and_from_short_to_long(table):
    np.testing.assert_allclose(
        table.ladder("flowers"), [[0.5 + 0.1 * k + 0.01 * s for k in range(3)] for s in range(3)]
    )
    np.testing.assert_allclose(table.ladder("tissue", "source"), [[0.2, 0.3, 0.4]] * 3)
    np.testing.assert_allclose(table.values("flowers", "codes"), [0.7, 0.71, 0.72])
    assert table.targets == ["flowers", "tissue"] and table.epochs == [1, 2, 4]


def test_smoothing_is_held_against_the_same_seed(table):
    effect = table.smoothing_effect("flowers")
    expected = tlkit.mean_interval([-0.1, -0.2, -0.3])
    np.testing.assert_allclose(effect, expected)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("roses", "codes"), "no target dataset called 'roses'"),
        (("flowers", "fc7"), "no column called 'fc7'.*codes"),
        (("flowers", "codes", 3), "No network of 3 epochs without"),
        (("flowers", "codes", 1, True), "No network of 1 epochs with smoothed"),
    ],
)
def test_what_was_not_measured_is_said(table, wrong, says):
    with pytest.raises(ValueError, match=says):
        table.values(*wrong)


def test_rank_correlations_are_those_of_each_draw():
    source = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [2, 2, 2, 2]])
    probe = np.array([[1, 5, 6, 9], [4, 3, 2, 1], [1, 3, 2, 4], [1, 2, 3, 4]])
    np.testing.assert_allclose(rank_correlations(source, probe), [1, -1, 0.8, np.nan])
    with pytest.raises(ValueError, match=r"one shape"):
        rank_correlations(source, probe[:2])


def test_the_figure_says_what_it_shows(table):
    axes = plot_better_sources(table, title="Rising and falling")
    text = axes.figure.alt_text
    assert text.startswith("Rising and falling") and "flowers 20: 51.0%, 30: 61.0%, 40: 71.0%" in text
    assert "tissue" in text and "with smoothed labels 45" in text
    assert axes.get_xlabel() and axes.get_ylabel()
    assert [label.get_text() for label in axes.get_legend().get_texts()][-1] == "smoothed labels"


# ------------------------------------------------------------------------------------ what ships


def test_what_ships_is_whole_and_its_card_fits():
    card, measured = read_card(SHIPPED.with_suffix(".toml")), load_better_sources()
    assert card["world"] == WORLD and card["command"].startswith("python -m tools sources --seeds 3")
    assert card["rows"] == len(measured.rows) == 3 * (len(EPOCHS) + 1) * len(TARGETS)
    assert card["sha256"] == hashlib.sha256(SHIPPED.read_text(encoding="utf-8").encode()).hexdigest()
    settings = source_networks.PER_CLASS, source_networks.RATE, source_networks.BATCH
    assert (card["per_class"], card["learning_rate"], card["batch_size"]) == settings
    for name in TARGETS:
        assert measured.ladder(name).shape == (3, len(EPOCHS))
        assert (measured.ladder(name, "source") == measured.ladder("flowers", "source")).all()


def test_the_lesson_trains_by_the_recipe_of_the_table():
    cells = json.loads((course.COURSE / "lessons/15_better_sources.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert f"BATCH = {source_networks.BATCH}\n" in text and f"pct_start={source_networks.WARM_UP}" in text
    assert text.count("3e-3") == 2 and source_networks.RATE == 3e-3
    assert f"weight_decay={source_networks.WEIGHT_DECAY}" in text
    assert f'"atlas", per_class={source_networks.PER_CLASS}, seed=0' in text
