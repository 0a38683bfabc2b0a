"""Who stands a shift: the networks of a draw, the survey, the table, and what ships."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

import tlkit
from tlkit.data.shifts import SHIFTS, shifts_of
from tlkit.disk.cards import read_card
from tlkit.study import shift_plots, shifts
from tlkit.study.shifts import AFTER, BEFORE, COLUMNS, NETWORKS, SHARES, SHIPPED, ShiftTable, load_shifts

PLACE = ("minivgg", "flowers")


def same(one, other, stage="conv1"):
    theirs = other.stages[stage].state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.stages[stage].state_dict().items())


# ------------------------------------------------------------------------------------ one draw


@pytest.fixture
def trained(tiny_split, monkeypatch):
    """The four networks, in one epoch; and the arguments of each call that trained one."""
    monkeypatch.setattr("tlkit.transfer.network_ways.default_epochs", lambda *_: 1)
    monkeypatch.setattr(shifts, "default_epochs", lambda *_: 1)
    return shifts.train_networks(tiny_split, "minivgg", "cpu")


def test_the_head_alone_leaves_the_backbone_as_it_was_and_the_others_move_it(trained, backbone):
    assert tuple(trained) == NETWORKS
    for name, network in trained.items():
        for stage in backbone.stage_names:
            assert same(network, backbone, stage) == (name == BEFORE), (name, stage)


def test_steps_are_small_but_for_all_at_once(trained, backbone):
    def moved(name):
        pairs = zip(trained[name].stages.parameters(), backbone.stages.parameters())
        return sum((mine - theirs).abs().sum().item() for mine, theirs in pairs)

    assert max(moved("at once, small steps"), moved("head first")) < moved("all at once") / 3


def test_every_network_and_average_is_scored_on_every_part(tiny_split, monkeypatch, trained):
    monkeypatch.setattr(shifts, "train_networks", lambda *_: trained)
    rows = shifts.measure_draw(replace(tiny_split, seed=4), "minivgg", "cpu")
    parts = ("val", "usual", *shifts_of(tiny_split))
    assert len(rows) == (len(NETWORKS) + len(SHARES)) * len(parts) and all(tuple(row) == tuple(COLUMNS) for row in rows)
    found = {(row["network"], row["share"], row["part"]): row["accuracy"] for row in rows}
    half = tlkit.average_weights(trained[BEFORE], trained[AFTER], 0.25)
    dusk = tlkit.shifted(tiny_split, "dusk")
    assert found["average", 0.25, "dusk"] == pytest.approx(tlkit.accuracy(half, dusk), abs=1e-4)
    assert found[AFTER, 1.0, "val"] == pytest.approx(tlkit.accuracy(trained[AFTER], tiny_split.val), abs=1e-4)
    assert {row["seed"] for row in rows} == {4} and {row["dataset"] for row in rows} == {"reds"}


# ------------------------------------------------------------------------------------ the survey


def some_rows(backbone, dataset, seed):
    """Rows as a draw has them, with accuracies that say where they belong."""
    trained = [(name, 1.0) for name in NETWORKS]
    return [
        dict(zip(COLUMNS, (backbone, dataset, seed, name, share, part, round(0.1 * k + 0.01 * j + 0.001 * seed, 4))))
        for k, (name, share) in enumerate([*trained, *(("average", share) for share in SHARES)])
        for j, part in enumerate(("val", "usual", *SHIFTS))
    ]


def test_an_interrupted_survey_goes_on_and_a_second_target_joins(tmp_path, monkeypatch):
    out, made = tmp_path / "shifts.csv", []

    def measure(backbone, dataset, seed, *_):
        if len(made) == 1:
            made.append(None)
            raise KeyboardInterrupt
        made.append((dataset, seed))
        return some_rows(backbone, dataset, seed)

    monkeypatch.setattr(shifts, "_measure", measure)
    with pytest.raises(KeyboardInterrupt):
        shifts.run_shifts(out, datasets=["flowers"], seeds=2, device="cpu")
    shifts.run_shifts(out, datasets=["flowers"], seeds=2, device="cpu")
    assert made == [("flowers", 0), None, ("flowers", 1)]
    table = shifts.run_shifts(out, datasets=["herbarium"], seeds=1, device="cpu")
    assert table.places == [PLACE, ("minivgg", "herbarium")] and load_shifts(out).rows == table.rows
    with pytest.raises(ValueError, match="measured with other per_class. Delete it"):
        shifts.run_shifts(out, datasets=["flowers"], per_class=5, device="cpu")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"jobs": 0}, "jobs must be at least 1"),
        ({"per_class": 0}, "per_class must be at least 1"),
        ({"backbone": "minivg"}, "minivgg"),
    ],
)
def test_a_survey_that_cannot_be_is_refused(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        shifts.run_shifts(tmp_path / "shifts.csv", device="cpu", **bad)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------ the table


@pytest.fixture(scope="module")
def table():
    return ShiftTable([row for seed in (2, 0, 1) for row in some_rows(*PLACE, seed)])


def test_values_go_by_seed_and_the_ends_of_an_average_are_its_networks(table):
    at = {name: k for k, name in enumerate(NETWORKS)}
    np.testing.assert_allclose(table.values("flowers", AFTER, "usual"), 0.1 * at[AFTER] + 0.01 + np.arange(3) / 1000)
    for share, name in ((0, BEFORE), (1, AFTER)):
        np.testing.assert_array_equal(
            table.values("flowers", "average", "dusk", share), table.values("flowers", name, "dusk")
        )
    every = [table.values("flowers", BEFORE, shift) for shift in SHIFTS]
    np.testing.assert_allclose(table.values("flowers", BEFORE, "shifted"), np.mean(every, axis=0))


def test_differences_are_paired_by_seed(table):
    found = table.difference("flowers", AFTER, BEFORE, "usual")
    assert found.mean == pytest.approx(0.1 * NETWORKS.index(AFTER))
    assert not found.known or found.high - found.low < 1e-6, "what all draws share is no noise"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("roses", BEFORE, "usual"), "no dataset called 'roses'"),
        (("flowers", "probe", "usual"), "no network called 'probe'"),
        (("flowers", BEFORE, "fog"), "no part called 'fog'"),
        (("flowers", "average", "usual", 0.4), "a share of 0.4 was not measured"),
    ],
)
def test_what_was_not_measured_is_said(table, asked, message):
    with pytest.raises(ValueError, match=message):
        table.values(*asked)


def test_a_file_that_is_no_such_table_is_named(tmp_path):
    with pytest.raises(ValueError, match="no table of shifts at .*absent.csv. Make one: python -m tlkit shifts"):
        load_shifts(tmp_path / "absent.csv")


def test_the_figure_shows_both_tests_and_where_the_slider_stands(table):
    axes = shift_plots.plot_average(table, "flowers", "dusk", 0.25)
    curves = axes.get_lines()[:2]
    shares = (0.0, *SHARES, 1.0)
    for line, part in zip(curves, ("usual", "dusk")):
        means = [100 * table.values("flowers", "average", part, share).mean() for share in shares]
        np.testing.assert_allclose(line.get_ydata(), means)
    reached = table.values("flowers", "average", "dusk", 0.25).mean()
    assert f"{100 * reached:.1f} % under dusk" in axes.figure.alt_text
    with pytest.raises(ValueError, match="share must be one of 0.0, 0.25"):
        shift_plots.plot_average(table, "flowers", "dusk", 0.4)


# ------------------------------------------------------------------------------------ what ships


@pytest.fixture(scope="module")
def shipped():
    return load_shifts()


def test_what_ships_is_whole(shipped):
    for _, dataset in shipped.places:
        draws = {row["seed"] for row in shipped.rows if row["dataset"] == dataset}
        assert draws == set(range(len(draws))) and len(draws) >= 3
        for name, part in ((name, part) for name in NETWORKS for part in ("val", "usual", *shipped.shifts(dataset))):
            assert len(shipped.values(dataset, name, part)) == len(draws)
        for share in SHARES:
            assert len(shipped.values(dataset, "average", "shifted", share)) == len(draws)
    assert all(0 < row["accuracy"] <= 1 for row in shipped.rows)


def test_the_card_and_the_table_agree():
    card = read_card(SHIPPED.with_suffix(".toml"))
    assert card["sha256"] == hashlib.sha256(SHIPPED.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    assert {"command", "date", "machine", "versions", "licence", "per_class"} <= set(card)


def test_what_ships_is_what_this_code_measures(shipped):
    split = tlkit.load_dataset("flowers", 20, seed=1)
    network = tlkit.two_phase(split, seed=1, unfreeze_last=0).network
    for part, pictures in (("usual", split.test), ("dusk", tlkit.shifted(split, "dusk"))):
        assert tlkit.accuracy(network, pictures) == pytest.approx(shipped.values("flowers", BEFORE, part)[1], abs=0.03)
