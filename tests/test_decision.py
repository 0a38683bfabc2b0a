"""The map: measured, kept, resumed, read; and what the shipped one says."""

import csv
import itertools
from statistics import median

import numpy as np
import pytest

import tlkit
from tlkit import course
from tlkit.disk.cards import read_card
from tlkit.nets.backbones import WEIGHTS
from tlkit.nets.settings import settings_of
from tlkit.study import decision, survey
from tlkit.study.decision import DecisionMap
from tlkit.study.places import PHOTO_STOPS, RULE, STOPS
from tlkit.transfer.ways import CHOICES
from tlkit.world import WORLD
from tools.ways_page import ways_page

CELL = dict(datasets=["tissue"], per_class=[5], ways=["probe", "earlier stage"], seeds=2, device="cpu")


def test_an_interrupted_map_goes_on_where_it_was(tmp_path, monkeypatch):
    out, measured = tmp_path / "map.csv", []
    original = survey.result_rows

    def interrupted(result):
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append(result)
        return original(result)

    monkeypatch.setattr(survey, "result_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tlkit.run_map(out, **CELL)
    kept = tlkit.load_map(out).rows
    assert len(kept) == 1 + 7 + 1, "two results of seed 0, the second with a row for each stage, and one of seed 1"
    monkeypatch.setattr(survey, "result_rows", lambda result: (measured.append(result), original(result))[1])
    whole = tlkit.run_map(out, **CELL)
    assert len(measured) == 4 and len(whole.rows) == 16 and [row for row in whole.rows if row in kept] == kept
    assert tlkit.load_map(out).rows == whole.rows
    tlkit.run_map(out, **CELL)
    assert len(measured) == 4, "nothing is left to do"


def test_two_jobs_find_what_one_finds(tmp_path):
    cells = CELL | {"ways": ["probe"]}
    one, two = (tlkit.run_map(tmp_path / f"{jobs}.csv", **cells, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_allclose(one.at("tissue", 5).values("probe"), two.at("tissue", 5).values("probe"), atol=0.01)


def test_maps_of_different_worlds_are_not_mixed(tmp_path, monkeypatch):
    out = tmp_path / "map.csv"
    tlkit.run_map(out, **CELL | {"ways": ["probe"], "seeds": 1})
    monkeypatch.setattr(survey, "WORLD", 2)
    with pytest.raises(ValueError, match="measured with other pictures. Delete it"):
        tlkit.run_map(out, **CELL)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"datasets": ["tisue"]}, "Did you mean 'tissue'"),
        ({"datasets": ["atlas"]}, "no target dataset called 'atlas'"),
        ({"ways": ["prob"]}, "Did you mean 'probe'"),
        ({"per_class": [401]}, "per_class must be from 1 to 400"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"jobs": 0}, "jobs must be at least 1"),
    ],
)
def test_a_map_that_cannot_be_is_refused_before_work_starts(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        tlkit.run_map(tmp_path / "map.csv", **CELL | bad)
    assert not (tmp_path / "map.csv").exists()


def test_all_photo_sets_that_are_missing_are_named_at_once(tmp_path, empty_cache):
    with pytest.raises(ValueError, match="python -m tlkit fetch flowers17 cifar10 dtd spoken_digits$"):
        tlkit.run_map(tmp_path / "map.csv", backbone="efficientnet_lite0")
    assert not (tmp_path / "map.csv").exists()


def test_a_file_that_is_no_map_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no decision map at .*absent.csv. Make one: python -m tlkit map"):
        tlkit.load_map(tmp_path / "absent.csv")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="bad.csv is not a decision map"):
        tlkit.load_map(tmp_path / "bad.csv")


def test_quadrants():
    assert tlkit.quadrant("flowers", 20) == ("small", "similar")
    assert tlkit.quadrant("plates", 100) == ("large", "different")
    assert set(RULE.values()) <= set(tlkit.WAYS)


# --------------------------------------------------------------------------- the shipped map


@pytest.fixture(scope="module")
def shipped():
    return tlkit.load_map()


def test_the_shipped_map_is_whole_and_of_this_world(shipped):
    with decision.SHIPPED["drawn"].open(newline="") as file:
        assert next(csv.reader(file)) == list(decision.ledger_at(decision.SHIPPED["drawn"]).columns)
    for dataset in STOPS:
        for size in decision.PER_CLASS:
            here = shipped.at(dataset, size)
            for way in tlkit.WAYS.values():
                draws = len(here.values(way.name)) if way.name in here.ways else 0
                assert draws == (3 if way.control else 5), (dataset, size, way.name)
    card = read_card(decision.SHIPPED["drawn"].with_suffix(".toml"))
    assert card["world"] == WORLD and card["weights"] == read_card(WEIGHTS / "minivgg.toml")["sha256"]
    assert card["command"].startswith("python -m tlkit map")


def test_the_map_of_the_photos_is_of_these_settings_and_has_what_the_page_says():
    photos, card = tlkit.load_map("photos"), read_card(decision.SHIPPED["photos"].with_suffix(".toml"))
    assert card["image_size"] == 96 and card["rows"] == len(photos.rows) and photos.datasets == list(PHOTO_STOPS)
    assert {f"pictures_{name}" for name in PHOTO_STOPS} <= set(card) and "copies" in card
    for network in photos.networks:
        assert card[f"settings_{network}"] == str(settings_of(network)), "measure the photo map again"
        board = photos.of(network)
        for dataset, way in itertools.product(PHOTO_STOPS, CHOICES):
            for size in board.sizes_of(dataset):
                there = board.missing(dataset, size)
                measured = 0 if way in there else len(board.at(dataset, size).values(way))
                assert measured >= 3 or (network, way) == ("efficientnet_lite0", "scratch"), (dataset, size, way)
    assert all(row["similarity"] == PHOTO_STOPS.index(row["dataset"]) + 1 for row in photos.rows)


def test_the_shipped_map_is_what_this_code_measures(shipped):
    for way in ("probe", "earlier stage"):
        result = tlkit.recompute("plates", 5, way, seed=3)
        assert result.open_test() == pytest.approx(shipped.at("plates", 5).values(way)[3], abs=0.02)


def test_a_recommendation_gives_rule_winner_margin_and_cost(shipped):
    for dataset in STOPS:
        for size in shipped.sizes:
            advice, here = shipped.recommend(dataset, size), shipped.at(dataset, size)
            assert advice.rule == RULE[tlkit.quadrant(dataset, size)]
            best = max(here.values(way, "val_accuracy").mean() for way in CHOICES)
            assert here.values(advice.winner, "val_accuracy").mean() == best
            assert advice.margin == here.difference(advice.winner, advice.rival)
            said = str(advice)
            assert advice.rule in said and advice.winner in said and " s" in said
            loses = advice.winner != advice.rule and advice.margin.low > 0
            assert ("Here the rule loses" in said) == loses == (not advice.rule_holds)
    with pytest.raises(ValueError, match="no 7 images per class. It has: 5, 20, 100, 300"):
        shipped.at("flowers", 7)


def test_the_page_of_the_ways_is_what_the_map_says(shipped):
    page = (course.COURSE / "lessons" / "WAYS.md").read_text(encoding="utf-8")
    assert page == ways_page(shipped), "run: make pictures"
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("|")]
    table = {row[0].strip(" *"): row[1:] for row in rows}
    columns = [name.strip() for name in table[""]]
    assert columns == list(tlkit.WAYS)
    # One number of each kind, found another way.
    seconds = [row["seconds"] for row in shipped.rows if row["way"] == "scratch" and row["per_class"] == 5]
    assert float(table["seconds, median, at 5 images per class"][columns.index("scratch")]) == round(median(seconds), 1)
    behind = shipped.at("flowers", 5)
    best = max(behind.values(way).mean() for way in behind.ways)
    points = 100 * (best - behind.values("scratch").mean())
    assert table["at worst behind the best way"][columns.index("scratch")].strip() == f"{points:.0f} points (flowers 5)"


def test_a_way_that_never_keeps_up_is_said_to_be_nowhere(shipped):
    rows = [row | {"accuracy": 0.0, "val_accuracy": 0.0} if row["way"] == "probe" else row for row in shipped.rows]
    wanted = next(line for line in ways_page(DecisionMap(rows)).splitlines() if "at 5 images per class" in line)
    assert wanted.split("|")[2].strip() == "nowhere"
