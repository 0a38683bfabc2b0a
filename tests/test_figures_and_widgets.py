"""Figures say in words what they show; guesses work with a mouse, with code, and on paper."""

import base64
import io
import re
from itertools import combinations

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import rgb_to_hsv, to_rgb
from PIL import Image

import tlkit
from tlkit.figures import galleries, plots, style
from tlkit.figures.colours import COLOURS
from tlkit.history import History
from tlkit.study.map_plots import plot_overview
from tlkit.world.catalogue import OFFLINE_DATASETS

matplotlib.use("agg")


def test_every_figure_tells_its_data(flowers):
    names = flowers.class_names
    seventeen = flowers.train.images[:17]
    right = flowers.test.labels.numpy()
    guesses = (right + (np.arange(680) % 10 == 0)) % 17
    figures = {
        "17 rows": galleries.plot_pictures(seventeen, names),
        f"68 of 680.*{names[0]} taken for {names[1]}": galleries.plot_mistakes(
            flowers.test.images, flowers.test.labels, guesses, names
        ),
        "Of the same 12 pictures truth 12 right, guesses 10 right. Of all 680: truth 100%, guesses 90%": (
            galleries.plot_answers(flowers.test.images, right, {"truth": right, "guesses": guesses}, names)
        ),
        r"svm 72\.0% \(.*softmax": plots.plot_bars({"svm": [0.7, 0.74, 0.72], "softmax": [0.6, 0.65, 0.61]}),
        r"codes from 60\.0%.* at 5 to 90\.0%": plots.plot_curves(
            [5, 100], {"codes": np.array([[0.6, 0.9], [0.6, 0.9], [0.6, 0.9]])}, "images per class", log_x=True
        ),
        f"{names[0]} 3": galleries.plot_neighbours(
            flowers.val.first(1), flowers.val, np.array([[k, k, k] for k in range(17)]), names
        ),
    }
    for words, axes in figures.items():
        assert isinstance(axes, Axes)
        assert re.search(words, axes.figure.alt_text), axes.figure.alt_text


def test_differences_are_filled_where_they_are_clear():
    gains = {"a": tlkit.mean_interval([0.04, 0.05, 0.06]), "b": tlkit.mean_interval([-0.1, 0.0, 0.1])}
    gains["equal"] = tlkit.mean_interval([0.0, 0.0, 0.0])
    axes = tlkit.plot_differences(gains, "b proves nothing")
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    hollow = [line.get_markerfacecolor() != line.get_markeredgecolor() for line in dots]
    assert hollow == [False, True, True] and [line.get_xdata()[0] for line in dots] == pytest.approx([5, 0, 0])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(gains)
    assert (
        "a: +5.0" in axes.figure.alt_text and "inside the noise; equal: 0.0 points (no interval" in axes.figure.alt_text
    )
    with pytest.raises(ValueError, match="with one or more"):
        tlkit.plot_differences({})


def test_figures_of_trainings_and_of_the_map_tell_their_data():
    history = History([1.0] * 4, [0.2, 0.4, 0.5, 0.7], [1.0, 2.0, 3.0, 4.0], head_epochs=2)
    for by in ("epochs", "seconds"):
        axes = tlkit.plot_training({"gentle": history}, by=by)
        assert "gentle ends at 70.0 % after 4 epochs" in axes.figure.alt_text
        assert [text.get_text() for text in axes.texts] == ["unfreeze here"]
    with pytest.raises(ValueError, match="Did you mean 'epochs'"):
        tlkit.plot_training({}, by="epoch")
    measured = tlkit.load_map()
    overview = plot_overview(measured).figure
    mean = measured.at("tissue", 100).values("scratch").mean()
    assert f"tissue, scratch: {measured.at('tissue', 5).values('scratch').mean():.0%}" in overview.alt_text
    assert f"{mean:.0%}" in overview.alt_text and len(overview.axes) == 4


def test_show_carries_the_words_along(capsys):
    shown = []
    axes = plots.plot_bars({"a <b>": [0.5, 0.6], "c": [0.1, 0.2]})
    original = style.display
    style.display = lambda data, raw: shown.append(data)
    try:
        tlkit.show(axes)
    finally:
        style.display = original
    assert 'alt="Bars' in shown[0]["text/html"] and "a &lt;b&gt; 55.0%" in shown[0]["text/html"]
    assert shown[0]["text/plain"] == axes.figure.alt_text


def test_no_mistakes_is_a_figure_too(flowers):
    axes = galleries.plot_mistakes(flowers.val.images, flowers.val.labels, flowers.val.labels, flowers.class_names)
    assert "0 of 340" in axes.get_title(loc="left")


def test_answers_are_ticked_or_crossed_and_must_be_as_many_as_the_pictures(flowers):
    test, names = flowers.test.first(1), ["$5 bill", *flowers.class_names[1:]]
    axes = galleries.plot_answers(test.images, test.labels, {"first": [0] * 17}, names, columns=3)
    assert [text.get_text() for text in axes.texts] == ["✓ $5\nbill", "✗ $5\nbill", "✗ $5\nbill"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first\n6% of 17"]
    with pytest.raises(ValueError, match="17 pictures but 2 answers of first"):
        galleries.plot_answers(test.images, test.labels, {"first": [0, 1]}, names)


def test_uneven_rows_are_refused(flowers):
    with pytest.raises(ValueError, match="do not fill 2 rows evenly"):
        galleries.plot_pictures(flowers.train.images[:5], ["a", "b"])


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
    assert said[0] == "Measured: many.", "nobody is told off: on a static page nobody can guess"
    assert "Measured: many" in said[1] and said[2].endswith("So it is.")
    with pytest.raises(ValueError, match="Did you mean 'many'"):
        guess.choose("manny")
    with pytest.raises(ValueError, match="at least 2 texts"):
        tlkit.Guess("?", ["one"])


def test_a_guess_shows_itself_where_no_front_end_answers(monkeypatch):
    from tlkit.widgets import display

    shown = []
    monkeypatch.setattr(display, "display", lambda data, raw: shown.append(data))
    tlkit.Guess("More <or> less?", ["more", "less"])._ipython_display_()
    assert "More &lt;or&gt; less?" in shown[0]["text/html"] and "<li>less</li>" in shown[0]["text/html"]
    assert "( ) more" in shown[0]["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0]


# Themes, and eyes that see colours differently


def _turned(colour):
    """What a dark page makes of a colour: the CSS filters of the style, as the Filter Effects standard defines them."""
    share, degrees = re.search(r"invert\((\.\d+)\) hue-rotate\((\d+)deg\)", style.FOLLOWS_PAGE).groups()
    colour = float(share) * (1 - np.array(colour)) + (1 - float(share)) * np.array(colour)
    cos, sin = np.cos(np.radians(int(degrees))), np.sin(np.radians(int(degrees)))
    grey = np.tile([0.213, 0.715, 0.072], (3, 1))
    across = np.array([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
    return np.clip((grey + cos * (np.eye(3) - grey) + sin * across) @ colour, 0, 1)


def test_a_figure_can_be_read_in_a_light_page_and_in_a_dark_one():
    axes = tlkit.plot_bars({"a": [0.5, 0.6], "b": [0.7, 0.8]})
    ground, text = to_rgb(axes.figure.get_facecolor()), to_rgb(axes.yaxis.label.get_color())
    assert _contrast(ground, text) > 7 and _contrast(_turned(ground), _turned(text)) > 7
    assert min(ground) == 1 and max(_turned(ground)) < 0.1
    for colour in map(to_rgb, COLOURS[:5]):
        assert _contrast(ground, colour) > 2.2 and _contrast(_turned(ground), _turned(colour)) > 3
        hues = [rgb_to_hsv(np.array(one))[0] for one in (colour, _turned(colour))]
        assert abs(hues[0] - hues[1]) < 0.04, "blue stays blue, for texts that name it"


def _holes(page):
    """The corners (left, top, right, bottom in %) of what a sheet's cover leaves free."""
    (path,) = re.findall(r"clip-path:polygon\(evenodd,([^)]*)\)", page)
    points = [tuple(float(at) for at in point.replace("%", "").split()) for point in path.split(",")][5:]
    corners = [points[k : k + 5] for k in range(0, len(points), 6)]
    return [(points[0][0], points[0][1], points[2][0], points[2][1]) for points in corners]


def _sheets(flowers):
    white = torch.full((6, 3, 32, 32), 255, dtype=torch.uint8)
    names, red = list("ab"), white.clone()
    red[:, 1:] = 0
    yield galleries.plot_pictures(red, names, "a title"), 1
    yield galleries.plot_mistakes(red, [0] * 6, [1] * 6, names), 6
    yield galleries.plot_answers(red, [0] * 6, {"x": [0] * 6, "y": [1] * 6}, names), 12
    nearest = np.tile(np.arange(3), (17, 1))
    yield galleries.plot_neighbours(flowers.val.first(1), flowers.val, nearest, flowers.class_names), 68


def test_the_cover_of_a_sheet_spares_its_photos_and_nothing_else(flowers):
    for axes, count in _sheets(flowers):
        page = style.as_html(axes)
        holes = _holes(page)
        assert len(holes) == count and 'class="tlkit-sheet"' in page and page.count("<img") == 1
        data = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1])
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        height, width = pixels.shape[:2]
        outside = np.ones((height, width), bool)
        for left, top, right, bottom in holes:
            rows = slice(round(top * height / 100), round(bottom * height / 100))
            columns = slice(round(left * width / 100), round(right * width / 100))
            outside[rows, columns] = False
            assert np.ptp(pixels[rows, columns], axis=2).mean() > 10, "a photo has colours"
        assert (pixels.min(2) > 200)[outside].mean() > 0.8, "the rest is paper, with some ink"


@pytest.mark.parametrize("place", [(-0.1, 0.5), (1.1, 0.5), (0.5, -0.1), (0.5, 1.1), (0.5, 0.5)], ids=str)
def test_what_lies_beyond_the_canvas_is_shown_too(place):
    axes = style.new_figure(3, 2, "a square beside")
    axes.figure.text(*place, "  ", backgroundcolor=(1, 0, 1))
    data = base64.b64decode(re.search(r"base64,([^\"]+)", style.as_html(axes))[1])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    pink = (pixels == (255, 0, 255)).all(2)
    assert pink.sum() > 100, "as large as it is elsewhere"
    assert not pink[0].any() and not pink[-1].any() and not pink[:, 0].any() and not pink[:, -1].any(), "a margin"


def test_a_heat_map_over_a_photo_is_not_cut_out_twice():
    meadow = tlkit.draw_meadow([0, 1], seed=0)
    axes = tlkit.plot_heat(meadow, {OFFLINE_DATASETS["flowers"].class_names[0]: np.eye(5)})
    assert len(_holes(style.as_html(axes))) == 3, "the meadow, the map, and the colours of the bar"


def _linear(colour):
    return np.where(np.array(colour) <= 0.04045, np.array(colour) / 12.92, ((np.array(colour) + 0.055) / 1.055) ** 2.4)


def _contrast(one, other):
    """Of two colours, 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((float(_linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# From linear RGB to what an eye without one kind of cone sees: Machado, Oliveira and Fernandes 2009, severity 1.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_the_colours_of_the_ways_stay_apart_for_every_eye(blindness, page):
    shown = [to_rgb(colour) if page == "light" else _turned(to_rgb(colour)) for colour in COLOURS[:5]]
    seen = [np.clip(np.array(BLINDNESS[blindness]) @ _linear(colour), 0, 1) for colour in shown]
    assert min(np.abs(a - b).sum() for a, b in combinations(seen, 2)) > 0.12


def test_bars_and_curves_differ_by_shape_as_well_as_by_colour():
    bars = tlkit.plot_bars({name: [0.5, 0.6] for name in "abcde"})
    hatches = [patch.get_hatch() for patch in bars.patches]
    assert len(set(hatches)) == 5
    curves = tlkit.plot_curves([5, 20], {name: np.array([[0.5, 0.6], [0.6, 0.7]]) for name in "abcde"}, "size")
    lines = {(line.get_marker(), line.get_linestyle()) for line in curves.get_lines() if line.get_marker() != "None"}
    assert len({marker for marker, _ in lines}) == 5 and len({style for _, style in lines}) >= 4
