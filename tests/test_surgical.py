"""The experiment of Lee et al.: what shifts, what learns and what stays; the survey; what ships."""

import csv
import hashlib

import numpy as np
import pytest
import torch

import tlkit
from tlkit.data.splits import ImageSet
from tlkit.disk.cards import read_card
from tlkit.nets.backbones import WEIGHTS
from tlkit.study import surgery, surgical
from tlkit.study.surgery import COLUMNS, PARTS, SHIFTS, changed, genera, recompute_tuning, tune_part
from tlkit.study.surgical import DATASET, SHIPPED, TUNED, load_surgical, plot_surgical, run_surgical
from tlkit.world import WORLD

SPECIES = torch.arange(17).repeat(70)


@pytest.fixture
def drawn(monkeypatch):
    """Splits without drawing: the first pixel of a picture says which one it is, and its luck which part it is in."""

    def noise(count, seed):
        random = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 256, (count, 3, 32, 32), generator=random, dtype=torch.uint8)
        return ImageSet(images, torch.arange(count) % 17)

    def load(name, per_class, seed):
        parts = (noise(17 * count, 100 * seed + count) for count in (per_class, 4, 6))
        return tlkit.Split(name, [f"{k}" for k in range(17)], *parts, per_class=per_class, seed=seed)

    monkeypatch.setattr(surgery, "load_dataset", load)
    return load


@pytest.fixture
def network():
    return tlkit.load_backbone("minivgg", device="cpu").new_head(6)


# ------------------------------------------------------------------------------------ what shifts


@pytest.mark.parametrize(("dataset", "siblings", "count"), [("flowers", 3, 6), ("tissue", 3, 6), ("herbarium", 2, 9)])
def test_a_genus_is_what_the_names_of_its_species_say(dataset, siblings, count):
    names = [name.split()[0] for name in tlkit.OFFLINE_DATASETS[dataset].class_names]
    labels, images = torch.arange(17), torch.arange(17).view(-1, 1, 1, 1).expand(-1, 3, 2, 2).to(torch.uint8)
    first, others = genera(dataset, images, labels), genera(dataset, images, labels, others=True)
    assert first.labels.tolist() == list(range(count)) and len(first) + len(others) == 17
    for part in (first, others):
        species = part.images[:, 0, 0, 0].tolist()
        assert [names[k] for k in species] == [names[siblings * label] for label in part.labels.tolist()]
    assert not set(first.images[:, 0, 0, 0].tolist()) & set(others.images[:, 0, 0, 0].tolist())


def test_the_shift_of_the_labels_gives_every_genus_another_name_and_changes_no_picture(drawn):
    before, after = (surgery.changed("flowers", "labels", 3) for _ in range(2))
    split = drawn("flowers", surgery.PER_CLASS + surgery.FEW, 3)
    for one, two, part in zip(before, after, (None, split.val, split.test)):
        assert torch.equal(one.labels, two.labels)
        if part is not None:
            plain = genera("flowers", part.images, part.labels)
            assert torch.equal(one.images, plain.images) and torch.equal(one.labels, 5 - plain.labels)
            assert not (one.labels == plain.labels).any()


def test_the_shift_of_the_input_changes_every_picture_and_no_label(drawn):
    split = drawn("flowers", surgery.PER_CLASS + surgery.FEW, 3)
    few, _, test = changed("flowers", "input", 3)
    plain = genera("flowers", split.test.images, split.test.labels)
    assert torch.equal(test.labels, plain.labels) and test.images.float().mean() < 0.6 * plain.images.float().mean()
    assert not (test.images == plain.images).flatten(1).all(1).any()
    again = changed("flowers", "input", 3)
    assert torch.equal(again[0].images, few.images), "the grain is that of the seed"


@pytest.mark.parametrize("shift", SHIFTS)
def test_there_are_a_few_pictures_of_each_genus_and_the_source_has_seen_none_of_them(drawn, shift):
    few, val, test = changed("flowers", shift, 1)
    assert few.labels.bincount().tolist() == [surgery.FEW] * 6
    assert set(val.labels.tolist()) == set(test.labels.tolist()) == set(range(6))
    old, _ = surgery._split_train(drawn("flowers", surgery.PER_CLASS + surgery.FEW, 1).train)
    assert len(old[0]) == 17 * surgery.PER_CLASS and old[1].bincount().tolist() == [surgery.PER_CLASS] * 17
    if shift != "input":
        seen = {picture.numpy().tobytes() for picture in old[0]}
        assert not any(picture.numpy().tobytes() in seen for part in (few, val, test) for picture in part.images)


def test_other_species_are_never_those_of_the_source(drawn):
    for part in changed("flowers", "features", 0):
        assert len(part) and part.labels.max() == 5
    train = drawn("flowers", surgery.PER_CLASS + surgery.FEW, 0).train
    firsts = {p.numpy().tobytes() for p in train.images[train.labels % 3 == 0]}
    assert not any(p.numpy().tobytes() in firsts for p in changed("flowers", "features", 0)[0].images)


# ------------------------------------------------------------------------------------ what learns


@pytest.mark.parametrize("part", PARTS)
def test_one_part_learns_and_all_else_stays_to_the_last_bit(network, small, part, monkeypatch):
    monkeypatch.setattr(surgery, "STEPS", 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    tuned = tune_part(network, part, small, 1e-3)
    moved = {name for name, tensor in tuned.state_dict().items() if not torch.equal(tensor, before[name])}
    moved = {name.split(".")[1] if name.startswith("stages") else name.split(".")[0] for name in moved}
    everything = {*network.stage_names, "head"}
    assert moved == {"nothing": set(), "all": everything}.get(part, {part})
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items()), "a copy learned"


def test_val_chooses_the_rate_and_the_smallest_among_equals(monkeypatch, drawn, network):
    monkeypatch.setattr(surgery, "source_network", lambda *_: network)
    monkeypatch.setattr(surgery, "tune_part", lambda network, part, few, rate, seed: rate)
    reached = {1e-3: (0.5, 0.9), 4e-3: (0.7, 0.3), 1.6e-2: (0.7, 0.8), 0.0: (0.1, 0.2)}
    opened = []

    def accuracy(rate, part):
        opened.append(len(part))
        return reached[rate][len(part) == 6 * 6]

    monkeypatch.setattr(surgery, "accuracy", accuracy)
    row = recompute_tuning("flowers", "input", "conv1", 0)
    assert row == dict(zip(COLUMNS, ("flowers", "input", "conv1", 0, 4e-3, 0.7, 0.3)))
    assert opened == [24, 24, 24, 36], "test is opened once"
    assert recompute_tuning("flowers", "input", "nothing", 0)["rate"] == 0.0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (("flower", "input", "conv1"), "Did you mean 'flowers'"),
        (("flowers", "inputs", "conv1"), "no shift called 'inputs'. Did you mean 'input'"),
        (("flowers", "input", "conv9"), "no part called 'conv9'"),
    ],
)
def test_what_there_is_not_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        recompute_tuning(*bad)


# ------------------------------------------------------------------------------------ the survey


def _made_up(dataset, shift, part, seed, device):
    return dict(zip(COLUMNS, (dataset, shift, part, seed, 1e-3, 0.5, round(0.4 + 0.1 * seed, 4))))


def test_an_interrupted_survey_goes_on_where_it_was(tmp_path, monkeypatch):
    out, done = tmp_path / "table.csv", []

    def once_too_often(*cell):
        if len(done) == 20:
            raise KeyboardInterrupt
        done.append(cell)
        return _made_up(*cell)

    monkeypatch.setattr(surgical, "recompute_tuning", once_too_often)
    with pytest.raises(KeyboardInterrupt):
        run_surgical(out, seeds=2, device="cpu")
    kept = load_surgical(out).rows
    assert len(kept) == 20 and sum(row["seed"] == 0 for row in kept) == 18, "draw by draw"
    monkeypatch.setattr(surgical, "recompute_tuning", lambda *cell: (done.append(cell), _made_up(*cell))[1])
    whole = run_surgical(out, seeds=2, device="cpu")
    assert len(done) == len(set(done)) == len(whole.rows) == 36 and load_surgical(out).rows == whole.rows
    assert read_card(out.with_suffix(".toml"))["few"] == surgery.FEW
    monkeypatch.setattr(surgery, "STEPS", 31)
    with pytest.raises(ValueError, match="measured with other steps. Delete it"):
        run_surgical(out, seeds=2, device="cpu")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"datasets": ["tisue"]}, "Did you mean 'tissue'"),
        ({"datasets": ["atlas"]}, "no target dataset called 'atlas'"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"jobs": 0}, "jobs must be at least 1"),
    ],
)
def test_a_survey_that_cannot_be_is_refused_before_work_starts(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        run_surgical(tmp_path / "table.csv", **{"device": "cpu"} | bad)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------ what ships


@pytest.fixture(scope="module")
def shipped():
    return load_surgical()


def test_what_ships_is_whole_and_agrees_with_its_card(shipped):
    with SHIPPED.open(newline="", encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    seeds = {row["seed"] for row in shipped.rows}
    assert seeds == set(range(len(seeds))) and len(seeds) >= 3 and DATASET in shipped.datasets
    cells = {(row["dataset"], row["shift"], row["part"], row["seed"]) for row in shipped.rows}
    assert len(cells) == len(shipped.rows) == len(shipped.datasets) * len(seeds) * len(SHIFTS) * len(PARTS)
    assert all(row["rate"] in surgery.RATES if row["part"] != "nothing" else row["rate"] == 0 for row in shipped.rows)
    card = read_card(SHIPPED.with_suffix(".toml"))
    assert card["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest() and card["rows"] == len(shipped.rows)
    assert card["world"] == WORLD and card["weights"] == read_card(WEIGHTS / "minivgg.toml")["sha256"]
    assert all(card[name] == value for name, value in surgical._made_from().items())
    assert f"python -m tlkit surgical --datasets {DATASET} --seeds {len(seeds)}" in card["command"]


def test_differences_are_paired_by_seed(shipped):
    one, all_of_it = shipped.values("input", "conv1"), shipped.values("input", "all")
    found = shipped.difference("input", "conv1")
    assert found == tlkit.mean_interval(one - all_of_it)
    assert shipped.difference("input", "conv1", looks=4) == tlkit.mean_interval(one - all_of_it, looks=4)
    assert surgical.Surgical(shipped.rows[::-1]).difference("input", "conv1") == found
    assert shipped.accuracy("input", "all").mean == pytest.approx(np.mean(all_of_it))
    with pytest.raises(ValueError, match="no part called 'conv2'"):
        shipped.values("input", "conv2")


def test_the_figure_has_a_panel_for_each_shift_and_says_what_it_shows(shipped):
    axes = plot_surgical(shipped, "Which stage?")
    panels = axes.figure.axes
    assert [panel.get_title("left").partition(":")[0] for panel in panels] == list(SHIFTS)
    for panel, shift in zip(panels, SHIFTS):
        dots = [box.lines[0] for box in panel.containers]
        heights = [dot.get_ydata()[0] for dot in dots]
        assert heights == pytest.approx([100 * shipped.accuracy(shift, part).mean for part in TUNED])
        for part, dot in zip(TUNED[:-1], dots):
            gap = shipped.difference(shift, part, looks=4)
            assert dot.get_marker() == ("o" if not gap.clear else "^" if gap.mean > 0 else "v")
    assert f"conv1 {shipped.accuracy('input', 'conv1').mean:.1%}" in axes.figure.alt_text
    assert axes.figure.alt_text.startswith("Which stage?")
