"""The experiment of Yosinski et al.: what is copied, frozen and random; the survey; what ships."""

import csv
import hashlib
import json

import numpy as np
import pytest
import torch

import tlkit
from tlkit import course
from tlkit.disk.cards import read_card
from tlkit.nets.backbones import WEIGHTS
from tlkit.study import grafting, transferability
from tlkit.study.grafting import COLUMNS, EPOCHS, PER_CLASS, TREATMENTS, graft, recompute_cut, train_base, train_on
from tlkit.study.transferability import CUTS, DATASETS, SHIPPED, load_transferability, plot_transferability
from tlkit.world import WORLD

run = transferability.run_transferability
TINY = dict(datasets=["flowers"], cuts=["fc6"], seeds=1, per_class=2, epochs=1, device="cpu")


def numbers(network, stage):
    return {name: tensor.clone() for name, tensor in network.stages[stage].state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


# ------------------------------------------------------------------------------------ one network


@pytest.mark.parametrize("cut", ["conv1", "conv4", "fc7"])
def test_a_graft_keeps_the_first_stages_and_is_random_above(backbone, cut):
    network, again = graft(backbone, cut, 17, seed=3), graft(backbone, cut, 17, seed=4)
    kept = CUTS[: CUTS.index(cut) + 1]
    for stage in CUTS:
        assert same(numbers(network, stage), numbers(backbone, stage)) == (stage in kept), stage
        assert same(numbers(network, stage), numbers(again, stage)) == (stage in kept), stage
    assert network.head.out_features == 17 and network.frozen == 0
    assert not torch.equal(network.head.weight, again.head.weight)


def test_a_graft_shares_nothing_with_its_donor(backbone):
    network = graft(backbone, "fc7", 17)
    theirs = {tensor.data_ptr() for tensor in backbone.state_dict().values()}
    assert not theirs & {tensor.data_ptr() for tensor in network.state_dict().values()}


def test_an_unknown_cut_is_refused(backbone):
    with pytest.raises(ValueError, match="no stage called 'conv9'.*conv5"):
        graft(backbone, "conv9", 17)


def test_frozen_stages_stay_to_the_last_bit_and_others_do_not(backbone, tiny_split):
    for frozen in (True, False):
        network = graft(backbone, "conv4", 2)
        if frozen:
            tlkit.freeze(network, "conv4")
        before = {stage: numbers(network, stage) for stage in CUTS}
        train_on(tiny_split, network, epochs=2)
        for stage in CUTS:
            stays = frozen and stage in CUTS[:4]
            assert same(numbers(network, stage), before[stage]) == stays, (stage, frozen)


@pytest.fixture
def trained(monkeypatch, tiny_split):
    """What ``recompute_cut`` would train: pairs of stage fc7 as it starts, and how many stages are frozen."""
    starts = []

    def note(split, network, *_):
        starts.append((numbers(network, "fc7"), network.frozen))
        return 0.0

    monkeypatch.setattr(grafting, "load_dataset", lambda *_: tiny_split)
    monkeypatch.setattr(grafting, "train_on", note)
    monkeypatch.setattr(grafting, "_base", lambda split, *_: train_base(split, split.seed, device="cpu"))
    return starts


def test_what_is_random_above_the_cut_is_not_the_start_of_the_base(trained):
    for treatment in ("base", "BnB", "AnB"):
        recompute_cut("flowers", treatment, "conv1", device="cpu")
    base, own_base, own, other = (start for start, _ in trained)
    assert same(base, own_base) and not same(base, own), "BnB starts anew above the cut"
    assert same(own, other), "BnB and AnB differ in what is copied, and in nothing else"


def test_a_plus_trains_what_was_copied(trained, backbone):
    for treatment, frozen in {"BnB": 7, "BnB+": 0, "AnB": 7, "AnB+": 0}.items():
        recompute_cut("flowers", treatment, "fc7", device="cpu")
        kept, stages = trained[-1]
        assert stages == frozen and same(kept, numbers(backbone, "fc7")) == treatment.startswith("A"), treatment


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (("flower", "AnB", "fc7"), "Did you mean 'flowers'"),
        (("atlas", "AnB", "fc7"), "no target dataset called 'atlas'"),
        (("flowers", "CnB", "fc7"), "no treatment called 'CnB'"),
    ],
)
def test_what_there_is_not_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        recompute_cut(*bad)


def test_the_lesson_by_hand_does_what_the_module_does(backbone):
    (path,) = [path for path in course.lessons() if path.stem.startswith("11_")]
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    space = {"tlkit": tlkit}
    exec("".join(next(cell["source"] for cell in cells if cell["id"] == "by-hand")), space)
    for cut in ("conv2", "fc7"):
        mine, theirs = space["graft"](backbone, cut, 17, 5).state_dict(), graft(backbone, cut, 17, 5).state_dict()
        assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


# ------------------------------------------------------------------------------------ the survey


def test_an_interrupted_survey_goes_on_where_it_was(tmp_path, monkeypatch):
    out, trained, original = tmp_path / "table.csv", [], grafting.recompute_cut

    def once_too_often(*cell):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(cell)
        return original(*cell)

    monkeypatch.setattr(transferability, "recompute_cut", once_too_often)
    with pytest.raises(KeyboardInterrupt):
        run(out, **TINY)
    kept = load_transferability(out).rows
    assert [row["treatment"] for row in kept] == ["base", "BnB"], "the base first, then what is quick"
    monkeypatch.setattr(transferability, "recompute_cut", lambda *cell: (trained.append(cell), original(*cell))[1])
    whole = run(out, **TINY)
    assert len(trained) == 5 and [row["treatment"] for row in whole.rows] == list(TREATMENTS)
    assert load_transferability(out).rows == whole.rows and whole.rows[:2] == kept
    card = read_card(out.with_suffix(".toml"))
    assert card["rows"] == 5 and card["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert card["per_class"] == 2 and "--seeds 1" in card["command"]
    assert run(out, **TINY).rows == whole.rows and len(trained) == 5, "nothing is left to do"
    with pytest.raises(ValueError, match="measured with other epochs. Delete it"):
        run(out, **TINY | {"epochs": 2})


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"datasets": ["tisue"]}, "Did you mean 'tissue'"),
        ({"cuts": ["conv6"]}, "no stage called 'conv6'"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"jobs": 0}, "jobs must be at least 1"),
    ],
)
def test_a_survey_that_cannot_be_is_refused_before_work_starts(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "table.csv", **TINY | bad)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_such_table_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no table of transferability at .*absent.csv. Make one: python -m tlkit"):
        load_transferability(tmp_path / "absent.csv")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="bad.csv is not a table of transferability"):
        load_transferability(tmp_path / "bad.csv")


# ------------------------------------------------------------------------------------ what ships


@pytest.fixture(scope="module")
def shipped():
    return load_transferability()


def test_what_ships_is_whole(shipped):
    with SHIPPED.open(newline="", encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    assert tuple(shipped.datasets) == DATASETS and tuple(shipped.cuts) == CUTS
    seeds = {row["seed"] for row in shipped.rows}
    assert seeds == set(range(len(seeds))) and len(seeds) >= 3
    cells = {(row["dataset"], row["treatment"], row["cut"], row["seed"]) for row in shipped.rows}
    assert len(cells) == len(shipped.rows) == len(DATASETS) * len(seeds) * (1 + len(CUTS) * (len(TREATMENTS) - 1))
    assert all(0 < row["accuracy"] < 1 and row["loss"] > 0 for row in shipped.rows)


def test_the_card_and_the_table_agree(shipped):
    card = read_card(SHIPPED.with_suffix(".toml"))
    assert card["sha256"] == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert card["rows"] == len(shipped.rows)
    assert card["world"] == WORLD and card["weights"] == read_card(WEIGHTS / "minivgg.toml")["sha256"]
    settings = (card["per_class"], card["epochs"], card["learning_rate"], card["batch_size"])
    assert settings == (PER_CLASS, EPOCHS, grafting.RATE, grafting.BATCH)
    assert {"command", "date", "machine", "versions", "licence"} <= set(card)


def test_what_ships_is_what_this_code_measures(shipped):
    now = recompute_cut("flowers", "AnB", "fc7", seed=1)
    assert now["accuracy"] == pytest.approx(shipped.values("flowers", "AnB", "fc7")[1], abs=0.03)


def test_differences_are_paired_by_seed(shipped):
    own, other = shipped.values("tissue", "BnB", "fc7"), shipped.values("tissue", "AnB", "fc7")
    found = shipped.difference("tissue", "BnB", "AnB", "fc7")
    assert found == tlkit.mean_interval(own - other) and found.mean == pytest.approx(np.mean(own) - np.mean(other))
    shuffled = transferability.Transferability(shipped.rows[::-1])
    assert shuffled.difference("tissue", "BnB", "AnB", "fc7") == found
    np.testing.assert_array_equal(shipped.values("tissue", "base", "conv1"), shipped.values("tissue", "base"))
    with pytest.raises(ValueError, match="no cut called 'conv6'"):
        shipped.values("tissue", "AnB", "conv6")


def test_the_figure_has_a_panel_for_each_target_and_says_what_it_shows(shipped):
    axes = plot_transferability(shipped, "How transferable?")
    panels = axes.figure.axes
    assert [panel.get_title("left") for panel in panels] == [f"B = {name}" for name in DATASETS]
    for panel, name in zip(panels, DATASETS):
        drawn = {line.get_label(): line for line in panel.get_lines()}
        _, labels = panel.get_legend_handles_labels()
        assert set(labels) == {"base B", "BnB", "BnB+", "AnB", "AnB+"}
        assert drawn["base B"].get_ydata()[0] == pytest.approx(100 * shipped.values(name, "base").mean())
    last = shipped.values("tissue", "AnB", "fc7").mean()
    assert f"fc7 {last:.1%}" in axes.figure.alt_text and "How transferable?" in axes.figure.alt_text
