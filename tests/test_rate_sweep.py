"""The sweep between fine-tuning and a pretrained start: measured, kept, read, drawn."""

import numpy as np
import pytest

import tlkit
from tlkit.cli import main
from tlkit.disk.cards import read_card
from tlkit.nets.settings import settings_of
from tlkit.study import rate_sweep


@pytest.fixture
def quick(monkeypatch):
    """Each network is trained for one epoch; what was asked for is counted."""
    asked = []

    def two_phase(split, backbone, seed, **options):
        asked.append((split.name, split.per_class, options["backbone_factor"], seed))
        return tlkit.two_phase(split, backbone, seed, epochs=1, **options)

    monkeypatch.setattr(rate_sweep, "two_phase", two_phase)
    return asked


def test_a_sweep_goes_on_where_it_stopped_and_says_what_it_was_made_from(tmp_path, quick, capsys):
    out = tmp_path / "sweep.csv"
    command = ["rate-sweep", "--out", str(out), "--datasets", "flowers", "--per-class", "1", "--device", "cpu"]
    assert main([*command, "--factors", "0.1", "1", "--seeds", "1"]) == 0
    assert main([*command, "--factors", "0.1", "1", "--seeds", "2"]) == 0
    assert quick == [("flowers", 1, factor, seed) for seed in (0, 1) for factor in (0.1, 1.0)]
    measured = rate_sweep.load_rate_sweep(out)
    assert measured.places == [("flowers", 1)] and measured.values("flowers", 1).shape == (2, 2)
    card = read_card(out.with_suffix(".toml"))
    assert card["backbone"] == "minivgg" and card["head_rate"] == 3e-3 and "rate-sweep" in card["command"]
    other = [*command, "--image-size", "32", "--seeds", "1"]
    assert main(other) == 1 and "other image size" in capsys.readouterr().err


def test_the_best_factor_is_val_s_and_test_is_not_looked_at():
    rows = [
        dict(dataset="flowers", per_class=5, factor=f, seed=s, val_accuracy=v, accuracy=a, seconds=1.0)
        for s in range(2)
        for f, v, a in ((1.0, 0.4, 0.9), (0.1, 0.6, 0.5), (0.01, 0.6, 0.4))
    ]
    unfinished = rows + [rows[0] | {"seed": 2}]  # a draw that lacks factors is left out
    measured = rate_sweep.RateSweep(unfinished)
    assert measured.factors == [0.01, 0.1, 1.0] and measured.best("flowers", 5) == 0.01
    np.testing.assert_allclose(measured.values("flowers", 5), [[0.4, 0.5, 0.9]] * 2)
    with pytest.raises(ValueError, match="What was: flowers at 5"):
        measured.values("tissue", 5)
    axes = rate_sweep.plot_rate_sweep(measured, "A title")
    assert "flowers at 5 images per class: 0.01 40.0%" in axes.figure.alt_text
    assert "val chose 0.01" in axes.figure.alt_text


def test_bad_requests_are_refused_before_work_starts(tmp_path, quick):
    for wrong in ({"factors": [0.1, 0.0]}, {"seeds": 0}, {"jobs": 0}, {"backbone": "minivg"}, {"datasets": ["flower"]}):
        with pytest.raises(ValueError):
            rate_sweep.run_rate_sweep(tmp_path / "sweep.csv", **wrong)
    assert not quick and not (tmp_path / "sweep.csv").exists()


@pytest.mark.parametrize(
    "world, similar, different",
    [("drawn", "flowers", "tissue"), ("photos", "flowers17", "spoken_digits")],
)
def test_what_ships_is_whole_and_the_best_rate_moves_with_similarity(world, similar, different):
    path = rate_sweep.SHIPPED[world]
    measured = rate_sweep.load_rate_sweep(world)
    assert measured.factors == list(rate_sweep.FACTORS)
    best = {}
    for name, count in measured.places:
        assert measured.values(name, count).shape == (3, len(measured.factors))
        best.setdefault(name, []).append(measured.best(name, count))
    assert best.keys() == {similar, different} and max(best[similar]) < min(best[different])
    card = read_card(path.with_suffix(".toml"))
    settings = settings_of(card["backbone"])
    assert card["rows"] == len(measured.rows)
    assert [card[name] for name in ("head_rate", "zero_head", "least_steps")] == [
        settings.head_rate,
        settings.zero_head,
        settings.least_steps,
    ]
