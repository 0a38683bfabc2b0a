"""The seconds of the map that ships: of this code, and replaced without touching what else was measured."""

import shutil

import pytest
from map_makers import row

from tlkit.course import COURSE
from tlkit.study.decision import ledger_at
from tools.map_costs import SHIPPED, _code, code_of_costs, map_costs

MADE_FROM = {"world": 1, "weights": "a"}
RUN = MADE_FROM | dict(command="tlkit map", date="2030-01-01", machine="new", versions="Python 4", licence="")


def test_the_shipped_seconds_belong_to_this_code():
    assert ledger_at(SHIPPED).card()["seconds_code"] == code_of_costs(), (
        "What decides the cost of a way has changed since the costs of the map were measured: `make map-costs` "
        "measures them again. If the change moves no seconds, `python -m tools map-costs` says so on the card."
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
    assert map_costs(str(new), old) == 0
    rows, card = ledger_at(old).read(), ledger_at(old).card()
    assert [found | {"seconds": 1.5} for found in rows] == before
    assert {(found["way"], found["seconds"]) for found in rows} == {("probe", 7.0), ("earlier stage", 8.0)}, "medians"
    assert card["machine"] == "old" and card["seconds_machine"] == "new" and card["seconds_draws"] == 3
    assert card["seconds_code"] == code_of_costs()


def test_without_a_run_the_card_says_that_seconds_are_as_they_were(two_maps):
    old, _ = two_maps
    before = ledger_at(old).read()
    map_costs(out=old)
    assert ledger_at(old).read() == before and ledger_at(old).card()["seconds_code"] == code_of_costs()


def test_another_map_or_half_of_one_is_refused(two_maps):
    old, new = two_maps
    ledger_at(new).write([found for found in ledger_at(new).read() if found["way"] == "probe"], dict(RUN))
    with pytest.raises(ValueError, match="has nothing of 1 cells, such as .*earlier stage.*Let it finish"):
        map_costs(str(new), old)
    ledger_at(new).write(ledger_at(old).read(), RUN | {"weights": "b"})
    with pytest.raises(ValueError, match="measured with other pictures or weights"):
        map_costs(str(new), old)


def test_words_about_code_cost_nothing_and_code_does(tmp_path):
    shutil.copytree(COURSE / "tlkit", tmp_path / "tlkit", ignore=shutil.ignore_patterns("*.safetensors"))
    svm = tmp_path / "tlkit" / "transfer" / "svm.py"
    text = svm.read_text(encoding="utf-8")
    svm.write_text(f'{text}\n\n# A note.\n\n"""More words,\nand more."""\n', encoding="utf-8")
    assert code_of_costs(tmp_path / "tlkit") == code_of_costs()
    assert not any(line.startswith(("#", '"""')) for line in _code(svm))
    svm.write_text(f"{text}\n_STEPS = 9\n", encoding="utf-8")
    assert code_of_costs(tmp_path / "tlkit") != code_of_costs()
