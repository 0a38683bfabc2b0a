"""The slider between two networks: every control moves the figure, and a target without a shift offers none."""

import html
import re

import pytest
from test_shift_table import some_rows

import tlkit
from tlkit.study.shifts import ShiftTable
from tlkit.widgets import average_slider, display


@pytest.fixture
def panel(monkeypatch):
    rows = [row for seed in range(3) for row in some_rows("minivgg", "flowers", seed)]
    photos = [row for seed in range(3) for row in some_rows("squeezenet1_1", "photos", seed)]
    rows += [row for row in photos if row["part"] not in ("season", "far")]
    monkeypatch.setattr(average_slider, "load_shifts", lambda: ShiftTable(rows))
    return tlkit.average_slider()


def shown(panel):
    return html.unescape(re.search('alt="([^"]*)"', panel._picture.value)[1])


def test_every_share_and_every_shift_is_shown(panel):
    for share in panel.share.options:
        panel.share.value = share
        assert f"{share} fine-tuned" in shown(panel)
    for label, shift in panel.shift.options:
        panel.shift.value = shift
        assert ("all shifts" if shift == "shifted" else label) in shown(panel)


def test_photos_offer_no_shift_that_was_not_measured(panel):
    panel.shift.value = "far"
    panel.dataset.value = "photos"
    assert [shift for _, shift in panel.shift.options] == ["shifted", "blur", "dusk", "noise", "hue"]
    assert panel.shift.value == "shifted" and shown(panel).startswith("photos")
    panel.shift.value = "dusk"
    panel.dataset.value = "flowers"
    assert panel.shift.value == "dusk" and "season" in dict(panel.shift.options).values()


def test_without_a_front_end_the_figure_stands_there(panel, monkeypatch):
    seen = []
    monkeypatch.setattr(display, "display", lambda data, raw: seen.append(data))
    panel._ipython_display_()
    assert 'src="data:image/' in seen[0]["text/html"] and "flowers" in seen[0]["text/plain"]


def test_a_target_that_was_not_measured_is_refused(panel):
    with pytest.raises(ValueError, match="no dataset called 'tissue'"):
        tlkit.average_slider("tissue")
