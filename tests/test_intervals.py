"""Numbers that may be printed: intervals that stay where a number can be, and none where there is none."""

import json
import re
from functools import partial

import numpy as np
import pytest
from scipy import optimize, stats

import tlkit
from tlkit import course
from tlkit.figures import plots, style
from tlkit.intervals import Interval, picture_difference, picture_interval
from tlkit.study.comparison import Comparison
from tlkit.study.decision import DecisionMap
from tlkit.study.map_plots import plot_map, plot_overview
from tools.ways_page import ways_page

DRAWS = [0.70, 0.74, 0.71, 0.78, 0.69]


def test_the_interval_of_a_mean_is_students():
    low, high = stats.t.interval(0.95, 4, np.mean(DRAWS), stats.sem(DRAWS))
    assert tlkit.mean_interval(DRAWS) == pytest.approx((np.mean(DRAWS), low, high))
    # A paired t-test leaves zero out at 5 % exactly where the interval does; at 5 % / 7 with 7 looks.
    for shift in np.linspace(-0.1, 0.1, 41):
        differences = np.array([0.01, 0.03, -0.02, 0.04]) + shift
        p = stats.ttest_1samp(differences, 0).pvalue
        for looks in (1, 7):
            assert tlkit.mean_interval(differences, looks).clear == (p < 0.05 / looks)


@pytest.mark.parametrize("values", [DRAWS, [0.97, 0.99, 1.0], [0.01, 0.0, 0.02], [0.0, 0.5, 1.0], [0.9, 0.5, 0.88]])
def test_the_interval_of_an_accuracy_is_where_the_score_test_does_not_reject(values):
    """Wilson's interval by its definition: all p at which (mean - p)^2 <= t^2 p (1 - p) / n."""
    mean, low, high = tlkit.accuracy_interval(values)
    worth = mean * (1 - mean) / (np.var(values, ddof=1) / len(values))
    quantile = stats.t.ppf(0.975, len(values) - 1)

    def test(p):
        return (mean - p) ** 2 - quantile**2 * p * (1 - p) / worth

    assert low == pytest.approx(optimize.brentq(test, 0, mean), abs=1e-9)
    assert high == pytest.approx(optimize.brentq(test, mean, 1), abs=1e-9)


def test_with_ample_draws_it_is_nearly_students_and_by_pictures_it_is_wilsons():
    draws = np.random.default_rng(0).normal(0.7, 0.02, 400)
    assert tlkit.accuracy_interval(draws) == pytest.approx(tlkit.mean_interval(draws), abs=1e-4)
    for right in (0, 1, 37, 99, 100):
        found = stats.binomtest(right, 100).proportion_ci(method="wilson")
        given = picture_interval(np.arange(100) < right)
        assert given == pytest.approx((right / 100, found.low, found.high), abs=1e-9)


@pytest.mark.parametrize("draws", [3, 5])
@pytest.mark.parametrize("truth", [0.5, 0.9, 0.97])
def test_95_of_100_intervals_hold_the_truth(truth, draws):
    """Draws scatter by 2 points, on top of the luck of 680 test pictures; Student's t has 92 % at 0.97."""
    random, amount = np.random.default_rng(1), truth * (1 - truth) / 0.02**2 - 1
    found = random.binomial(680, random.beta(amount * truth, amount * (1 - truth), (2_000, draws))) / 680
    held = [low <= truth <= high for _, low, high in map(tlkit.accuracy_interval, found)]
    assert 0.93 <= np.mean(held) <= 0.97


def test_an_accuracy_stays_within_0_and_100_holds_its_mean_and_mirrors():
    random = np.random.default_rng(2)
    for _ in range(300):
        draws = random.beta(*random.uniform(0.3, 20, 2), random.integers(3, 8))
        for pictures in (None, 50):
            mean, low, high = tlkit.accuracy_interval(draws, pictures)
            assert 0 <= low <= mean <= high <= 1 and mean == pytest.approx(draws.mean())
            assert tlkit.accuracy_interval(1 - draws, pictures) == pytest.approx((1 - mean, 1 - high, 1 - low))
        more = tlkit.accuracy_interval(np.tile(draws, 4))
        assert more.high - more.low < tlkit.accuracy_interval(draws).high - tlkit.accuracy_interval(draws).low


def test_equal_draws_have_an_interval_by_their_pictures_or_none():
    for value in (0.0, 0.8, 1.0):
        alone = tlkit.accuracy_interval([value] * 3)
        assert (
            not alone.known
            and not alone.clear
            and str(alone) == (f"{value:.1%} (no interval: it takes 3 draws that differ)")
        )
        mean, low, high = tlkit.accuracy_interval([value] * 3, pictures=720)
        assert 0 <= low <= mean <= high <= 1 and 0.005 < high - low < 0.15
    assert not tlkit.mean_interval([0.04] * 5).clear
    assert tlkit.points(tlkit.mean_interval([0.04] * 5)) == "+4.0 points (no interval: it takes 3 draws that differ)"
    # A mean is worth no more answers than there are pictures, and more of them never widen it.
    widths = [high - low for _, low, high in (tlkit.accuracy_interval(DRAWS, n) for n in (20, 200, 10**6))]
    assert widths == sorted(widths, reverse=True)
    assert tlkit.accuracy_interval(DRAWS, 10**6) == tlkit.accuracy_interval(DRAWS)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tlkit.mean_interval([0.5]), "at least 3 draws, not 1"),
        (lambda: tlkit.mean_interval([0.5, 0.6]), "at least 3 draws, not 2"),
        (lambda: tlkit.mean_interval([]), "at least 3 draws, not 0"),
        (lambda: tlkit.mean_interval([[0.5, 0.6, 0.7]]), r"at least 3 draws, not shape \(1, 3\)"),
        (lambda: tlkit.mean_interval(0.5), r"not shape \(\)"),
        (lambda: tlkit.mean_interval([0.5, float("nan"), 0.6]), "needs numbers"),
        (lambda: tlkit.mean_interval([0.5, float("inf"), 0.6]), "needs numbers"),
        (lambda: tlkit.mean_interval(DRAWS, looks=0), "looks must be at least 1"),
        (lambda: tlkit.mean_interval(DRAWS, looks=2.5), "looks must be a whole number"),
        (lambda: tlkit.accuracy_interval([0.5, 0.6]), "at least 3 draws, not 2"),
        (lambda: tlkit.accuracy_interval([70, 74, 71]), "from 0 to 1, but these are"),
        (lambda: tlkit.accuracy_interval([-0.1, 0.2, 0.3]), "from 0 to 1, but these are"),
        (lambda: tlkit.accuracy_interval([0.5, None, 0.7]), "needs numbers"),
        (lambda: tlkit.accuracy_interval(DRAWS, pictures=0), "pictures must be at least 1"),
        (
            lambda: plots.plot_bars({"a": DRAWS, "b": DRAWS}, intervals=[Interval(0.5, 0.4, 0.6)]),
            "one interval for each",
        ),
    ],
)
def test_what_has_no_interval_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        make()
    assert len(str(caught.value).splitlines()) <= 3


# ---------------------------------------------------------------------------- two ways, the same pictures


def test_a_difference_over_pictures_is_that_of_matched_pairs():
    """Agresti and Min (2005) by hand: half a picture more in each of the four fields."""
    for both, one, other, none in ((60, 12, 4, 24), (0, 5, 0, 0), (100, 0, 0, 0), (10, 20, 20, 10)):
        first = np.repeat([1, 1, 0, 0], (both, one, other, none)).astype(bool)
        second = np.repeat([1, 0, 1, 0], (both, one, other, none)).astype(bool)
        n, b, c = both + one + other + none + 2, one + 0.5, other + 0.5
        half = stats.norm.ppf(0.975) * np.sqrt(b + c - (b - c) ** 2 / n) / n
        mean, low, high = picture_difference(first, second)
        assert mean == pytest.approx((one - other) / (n - 2))
        assert (low, high) == pytest.approx((max(-1, (b - c) / n - half), min(1, (b - c) / n + half)))
        assert -1 <= low <= mean <= high <= 1 and low < high
        assert picture_difference(second, first) == pytest.approx((-mean, -high, -low))
        wider = picture_difference(first, second, looks=5)
        assert wider.high - wider.low > high - low or (low, high) == (-1, 1)


# ---------------------------------------------------------------------------- compare, with one cut


@pytest.fixture(scope="module")
def own(tiny_split):
    quick = {"probe": tlkit.linear_probe, "scratch": partial(tlkit.from_scratch, epochs=2)}
    return tlkit.compare(quick, tiny_split, seeds=range(3), device="cpu")


def test_one_cut_gives_intervals_over_its_test_pictures_and_says_so(own, tiny_split):
    pictures = len(tiny_split.test)
    assert own.one_cut and len(set(own.values("probe"))) == 1, "a probe has no luck but that of the cut"
    answers = tlkit.linear_probe(tiny_split, device="cpu").predict(tiny_split.test.images)
    right = answers == tiny_split.test.labels.numpy()
    found = stats.binomtest(int(right.sum()), pictures).proportion_ci(method="wilson")
    assert own.accuracy("probe") == pytest.approx((right.mean(), found.low, found.high))
    share = np.mean([own.correct["scratch", seed] for seed in range(3)], axis=0)
    assert own.difference("probe", "scratch") == picture_difference(right, share)
    said = f"(one cut: interval over {pictures} test pictures)"
    assert own.verdict("probe", "scratch").endswith(said)
    assert f"test accuracy (95 % interval over {pictures} test pictures of one cut)" in str(own)
    assert f"{pictures} test pictures of one cut" in own._repr_html_()
    axes = own.plot()
    assert f"95 % over {pictures} test pictures of one cut" in axes.get_ylabel()
    assert str(own.accuracy("probe")) in axes.figure.alt_text


def test_three_equal_numbers_of_one_cut_are_not_clear_of_the_noise(tiny_split, monkeypatch):
    """Two ways that differ in one of the test pictures, with every seed."""
    truth = tiny_split.test.labels.numpy()

    def fixed(wrong):
        def way(split, seed):
            result = tlkit.linear_probe(split, seed=seed, device="cpu")
            answers = truth.copy()
            answers[:wrong] = 1 - answers[:wrong]
            monkeypatch.setattr(result.classifier, "answers", lambda images: {result.stage: answers})
            return result

        return way

    table = tlkit.compare({"all right": fixed(0), "one wrong": fixed(1), "nearly none": fixed(15)}, tiny_split)
    assert table.difference("all right", "one wrong").mean == pytest.approx(1 / 16)
    assert "inside the noise" in table.verdict("all right", "one wrong")
    assert "clear of the noise" in table.verdict("all right", "nearly none")
    assert table.accuracy("all right").high == 1 and 0.7 < table.accuracy("all right").low < 0.9


def test_a_split_that_is_drawn_anew_has_intervals_over_draws(tiny_split):
    table = tlkit.compare(["probe"], lambda seed: tiny_split, seeds=range(3), device="cpu")
    assert not table.one_cut and "(95 % interval)" in str(table)
    # Three equal draws: no more is known than their pictures tell.
    right, pictures = table.values("probe")[0], 3 * len(tiny_split.test)
    assert table.accuracy("probe") == tlkit.accuracy_interval([right] * 3, pictures)


def test_a_map_of_two_draws_is_shown_without_an_interval():
    two = DecisionMap([row for row in tlkit.load_map().rows if row["seed"] < 2])
    here, none = two.at("flowers", 20), "(no interval: it takes 3 draws that differ)"
    mean = f"{here.values('scratch').mean():.1%} {none}"
    assert mean in str(here) and here.verdict("probe", "scratch").endswith(f" points {none}")
    found = two.recommend("flowers", 20)
    assert none in str(found) and found.rule_holds and "these draws do not say" in str(found)
    assert mean in here.plot().figure.alt_text and mean in plot_map(two, "flowers", 20).figure.alt_text
    sweep = two.stage_sweep("flowers", 20)
    assert f"fc7 {sweep['fc7'].mean():.1%} {none}" in tlkit.plot_stages({"flowers": sweep}, "fc7").figure.alt_text
    curves = tlkit.plot_curves([5, 20], {"codes": np.array([[0.5, 0.6], [0.6, 0.7]])}, "size")
    assert f"codes from 55.0% {none}" in curves.figure.alt_text
    page = tlkit.demo_page("flowers", 20, two)
    page.reveal.value = True
    assert none in page.answer.value and mean in page.bars["scratch"].value and "nan" not in page.bars["scratch"].value
    assert "whisker" not in page.bars["scratch"].value
    page = ways_page(two)
    assert "scratch at 0" not in page, "what has no interval is not said to be beaten"
    # Nothing drawn is not a number: the figure can be saved, and no bar has a whisker.
    for axes in (here.plot(), plot_map(two, "flowers", 20), plot_overview(two)):
        assert "img" in style.as_html(axes)


def test_a_difference_cannot_leave_its_range():
    rows = [
        {"way": way, "stage": "", "chosen": 1, "seed": seed, "accuracy": value}
        for way, values in (("a", (1.0, 0.0, 1.0)), ("b", (0.0, 0.5, 0.0)))
        for seed, value in enumerate(values)
    ]
    table = Comparison(rows)
    assert tlkit.mean_interval([1.0, -0.5, 1.0]).high > 1
    assert table.difference("a", "b") == pytest.approx((0.5, -1, 1))
    with pytest.raises(ValueError, match="no seed in common"):
        Comparison([*rows[:3], rows[3] | {"seed": 9}]).difference("a", "b")
    with pytest.raises(ValueError, match="looks must be at least 1"):
        table.verdict("a", "b", looks=0)


# ---------------------------------------------------------------------------- how they are printed


def test_several_looks_are_corrected_for_and_said():
    assert tlkit.points(tlkit.mean_interval([0.01, 0.02, 0.035], looks=4), looks=4).endswith(
        "inside the noise (corrected for 4 looks)"
    )
    random = np.random.default_rng(3)
    best = []
    for _ in range(1_000):  # five operations that do nothing: how often is one of them called clear?
        gains = [tlkit.mean_interval(draws, looks=5) for draws in random.normal(0, 1, (5, 6))]
        best.append(any(gain.clear for gain in gains))
    assert np.mean(best) < 0.07


def test_no_number_prints_as_minus_nothing():
    assert tlkit.points(-0.0004) == tlkit.points(-0.0) == tlkit.points(0.0004) == "0.0 points"
    assert tlkit.points(-0.0123) == "-1.2 points" and tlkit.points(0.5) == "+50.0 points"
    assert tlkit.points(Interval(-0.0001, -0.0202, 0.0003)) == "0.0 points (-2.0 to 0.0), inside the noise"
    assert str(Interval(-0.0001, -0.1, 0.0001)) == "0.0% (-10.0% to 0.0%)"


def test_nowhere_is_a_signed_number_formatted_by_hand():
    """``{value:+.1f}`` prints -0.0 for what rounds to nothing; ``points`` does not."""
    by_hand = re.compile(r"\{[^{}]*:[<>^]?\+[\d.]*[f%]\}")
    sources = {
        path.name: path.read_text(encoding="utf-8")
        for path in (course.COURSE / "tlkit").rglob("*.py")
        if path.name != "intervals.py"
    }
    for path in [*course.lessons(), *(course.COURSE / "lessons" / "solutions").glob("*.ipynb")]:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources[f"{path.parent.name}/{path.name}"] = "\n".join("".join(cell["source"]) for cell in cells)
    assert by_hand.search("{x:+.1f}") and by_hand.search("{100 * gain:+5.1f}") and not by_hand.search("{n:+d}")
    assert {name: found for name, text in sources.items() if (found := by_hand.findall(text))} == {}
