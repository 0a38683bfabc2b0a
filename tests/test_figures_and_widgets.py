"""Figures say in words what they show; guesses work with a mouse, with code, and on paper."""

import re

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from scipy import stats

import tlkit
from tlkit import plots

matplotlib.use("agg")


def test_the_interval_is_students():
    values = [0.70, 0.74, 0.71, 0.78, 0.69]
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert tlkit.mean_interval(values) == pytest.approx((np.mean(values), low, high))
    with pytest.raises(ValueError, match="at least two seeds"):
        tlkit.mean_interval([0.5])


def test_every_figure_tells_its_data(flowers):
    names = flowers.class_names
    seventeen = flowers.train.images[:17]
    guesses = (flowers.test.labels.numpy() + (np.arange(680) % 10 == 0)) % 17
    figures = {
        "17 rows": plots.plot_pictures(seventeen, names),
        f"68 of 680.*{names[0]} taken for {names[1]}": plots.plot_mistakes(
            flowers.test.images, flowers.test.labels, guesses, names
        ),
        r"svm 72\.0% \(.*softmax": plots.plot_bars({"svm": [0.7, 0.74], "softmax": [0.6, 0.65]}),
        r"codes from 60\.0%.* at 5 to 90\.0%": plots.plot_curves(
            [5, 100], {"codes": np.array([[0.6, 0.9], [0.6, 0.9]])}, "images per class", log_x=True
        ),
        f"{names[0]} 3": plots.plot_neighbours(
            flowers.val.first(1), flowers.val, np.array([[k, k, k] for k in range(17)]), names
        ),
    }
    for words, axes in figures.items():
        assert isinstance(axes, Axes)
        assert re.search(words, axes.figure.alt_text), axes.figure.alt_text


def test_figures_of_trainings_and_of_the_map_tell_their_data():
    history = tlkit.History([1.0] * 4, [0.2, 0.4, 0.5, 0.7], [1.0, 2.0, 3.0, 4.0], head_epochs=2)
    for by in ("epochs", "seconds"):
        axes = tlkit.plot_training({"gentle": history}, by=by)
        assert "gentle ends at 70.0 % after 4 epochs" in axes.figure.alt_text
        assert [text.get_text() for text in axes.texts] == ["unfreeze here"]
    with pytest.raises(ValueError, match="Did you mean 'epochs'"):
        tlkit.plot_training({}, by="epoch")
    measured = tlkit.load_map()
    overview = tlkit.plot_overview(measured).figure
    mean = measured.at("tissue", 100).values("scratch").mean()
    assert f"tissue, scratch: {measured.at('tissue', 5).values('scratch').mean():.0%}" in overview.alt_text
    assert f"{mean:.0%}" in overview.alt_text and len(overview.axes) == 4


def test_show_carries_the_words_along(capsys):
    shown = []
    axes = plots.plot_bars({"a <b>": [0.5, 0.6], "c": [0.1, 0.2]})
    original = plots.display
    plots.display = lambda data, raw: shown.append(data)
    try:
        tlkit.show(axes)
    finally:
        plots.display = original
    assert 'alt="Bars' in shown[0]["text/html"] and "a &lt;b&gt; 55.0%" in shown[0]["text/html"]
    assert shown[0]["text/plain"] == axes.figure.alt_text


def test_no_mistakes_is_a_figure_too(flowers):
    axes = plots.plot_mistakes(flowers.val.images, flowers.val.labels, flowers.val.labels, flowers.class_names)
    assert "0 of 340" in axes.get_title(loc="left")


def test_uneven_rows_are_refused(flowers):
    with pytest.raises(ValueError, match="do not fill 2 rows evenly"):
        plots.plot_pictures(flowers.train.images[:5], ["a", "b"])


def test_a_guess_is_recorded_and_compared(capsys):
    guess = tlkit.Guess("How many?", ["few", "many"])
    assert guess.value is None
    guess.compare("many")
    guess._buttons.value = "few"  # a click
    assert guess.value == "few" and "few" in guess._said.value
    guess.compare("many")
    guess.choose("many")
    guess.compare("many")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "You made no guess. Measured: many."
    assert "Measured: many" in said[1] and said[2].endswith("So it is.")
    with pytest.raises(ValueError, match="Did you mean 'many'"):
        guess.choose("manny")
    with pytest.raises(ValueError, match="at least two options"):
        tlkit.Guess("?", ["one"])


def test_a_guess_shows_itself_where_no_front_end_answers(monkeypatch):
    from tlkit import widgets

    shown = []
    monkeypatch.setattr(widgets, "display", lambda data, raw: shown.append(data))
    tlkit.Guess("More <or> less?", ["more", "less"])._ipython_display_()
    assert "More &lt;or&gt; less?" in shown[0]["text/html"] and "<li>less</li>" in shown[0]["text/html"]
    assert "( ) more" in shown[0]["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0]
