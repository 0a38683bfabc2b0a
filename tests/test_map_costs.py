"""The seconds of the map that ships: of this code, and replaced without touching what else was measured."""

import shutil

import pytest
from map_makers import row

from tlkit.course import COURSE
from tlkit.study.decision import ledger_at
from tools import map_costs as costs
from tools.map_costs import SHIPPED, _code, code_of_costs, take_seconds

MADE_FROM = {"world": 1, "weights": "a"}
RUN = MADE_FROM | dict(command="tlkit map", date="2030-01-01", machine="new", versions="Python 4", licence="")


def test_the_shipped_seconds_belong_to_this_code():
    assert ledger_at(SHIPPED).card()["seconds_code"] == code_of_costs(), (
        "What decides the cost of a way has changed since the costs of the map were measured: `make map-costs` "
        "measures them again. If the change moves no seconds, `make map-costs ARGS=--unchanged` says so on the card."
    )


@pytest.fixture
def two_maps(tmp_path):
    """A map of five rows, and a shorter, newer run of the same places with other accuracies."""
    ways = [("probe", "a", 1), ("earlier stage", "a", 1), ("earlier stage", "b", 0)]
    rows = [row("minivgg", "flowers", 5, way, 0, 0.5, stage, chosen) for way, stage, chosen in ways]
    rows += [row("minivgg", "flowers", 5, way, 1, 0.6, "a") for way in ("probe", "earlier stage")]
    again = [found | {"accuracy": 0.1, "seconds": 7.0 + k} for k, found in enumerate(rows[:2])]
    again += [again[0] | {"seed": seed, "seconds": seconds} for seed, seconds in ((1, 3.0), (2, 90.0))]
    old, new = tmp_path / "map.csv", tmp_path / "again.csv"
    ledger_at(old).write(rows, dict(MADE_FROM, machine="old"))
    ledger_at(new).write(again, dict(RUN))
    return old, new


def test_seconds_are_replaced_and_nothing_else(two_maps):
    old, new = two_maps
    before = ledger_at(old).read()
    take_seconds(new, out=old)
    rows, card = ledger_at(old).read(), ledger_at(old).card()
    assert [found | {"seconds": 1.5} for found in rows] == before
    assert {(found["way"], found["seconds"]) for found in rows} == {("probe", 7.0), ("earlier stage", 8.0)}, "medians"
    assert card["machine"] == "old" and card["seconds_machine"] == "new" and card["seconds_draws"] == 3
    assert card["seconds_code"] == code_of_costs()


def test_the_seconds_of_one_way_leave_those_of_the_others(two_maps):
    old, new = two_maps
    card = ledger_at(old).card()
    ledger_at(new).write([found for found in ledger_at(new).read() if found["way"] == "probe"], dict(RUN))
    take_seconds(new, ["probe"], old)
    found = {(row["way"], row["seconds"]) for row in ledger_at(old).read()}
    assert found == {("probe", 7.0), ("earlier stage", 1.5)}
    assert ledger_at(old).card().get("seconds_code") == card.get("seconds_code"), "of the others nothing is known"


def test_seconds_that_did_not_move_are_kept_and_said_to_be_of_todays_code(two_maps, monkeypatch):
    old, _ = two_maps
    before = ledger_at(old).read()
    monkeypatch.setattr(costs, "SHIPPED", old)
    monkeypatch.setattr(costs, "run_map", lambda *args, **kwargs: pytest.fail("nothing is measured"))
    costs.map_costs(unchanged=True)
    assert ledger_at(old).read() == before and ledger_at(old).card()["seconds_code"] == code_of_costs()


def test_what_older_code_measured_is_not_taken_for_what_todays_costs(monkeypatch):
    asked = []
    monkeypatch.setattr(costs, "run_map", lambda out, **kwargs: asked.append(out))
    monkeypatch.setattr(costs, "take_seconds", lambda measured, ways: asked.append(measured))
    for code in ("a", "b"):
        monkeypatch.setattr(costs, "code_of_costs", lambda code=code: code)
        costs.map_costs()
    assert [path.name for path in asked] == ["map_costs-a.csv"] * 2 + ["map_costs-b.csv"] * 2


def test_another_map_or_half_of_one_is_refused(two_maps):
    old, new = two_maps
    ledger_at(new).write([found for found in ledger_at(new).read() if found["way"] == "probe"], dict(RUN))
    with pytest.raises(ValueError, match="has nothing of 1 cells, such as .*earlier stage.*Let it finish"):
        take_seconds(new, out=old)
    ledger_at(new).write(ledger_at(old).read(), RUN | {"weights": "b"})
    with pytest.raises(ValueError, match="measured with other pictures or weights"):
        take_seconds(new, out=old)


def test_words_about_code_cost_nothing_and_code_does(tmp_path):
    shutil.copytree(COURSE / "tlkit", tmp_path / "tlkit", ignore=shutil.ignore_patterns("*.safetensors"))
    svm = tmp_path / "tlkit" / "transfer" / "svm.py"
    text = svm.read_text(encoding="utf-8")
    svm.write_text(f'{text}\n\n# A note.\n\n"""More words,\nand more."""\n', encoding="utf-8")
    assert code_of_costs(tmp_path / "tlkit") == code_of_costs()
    assert not any(line.startswith(("#", '"""')) for line in _code(svm))
    svm.write_text(f"{text}\n_STEPS = 9\n", encoding="utf-8")
    assert code_of_costs(tmp_path / "tlkit") != code_of_costs()
