"""What the page for instructors says to expect is what a cell asserts, word for number."""

import re

import pytest
from test_instructor import SECTIONS, cells_of, heading_of


@pytest.mark.parametrize(
    ("number", "cell", "asserted", "stated"),
    [
        ("00", "claims", "with_transfer > 0.65 and without < 0.45", "above 65 % right with transfer, below 45 %"),
        ("00", "claims", "with_transfer > without + 0.25", "at least 25 points between"),
        ("00", "claims", "with_transfer > 2 * without", "more than twice as many"),
        ("00", "claims", 'alike["codes"] > 2 * alike["pixels"]', "twice as often as neighbours in pixels"),
        ("00", "siblings-claims", "siblings > 0.6", "More than 60 % of the mistakes"),
        ("01", "specific-claims", 'counts["fc7"] > counts["conv1"] + 2', "at least 2 more"),
        ("01", "gains-claims", "start[0] > start[1] + 0.1", "more than 10 points at the start"),
        ("01", "gains-claims", "pretrained[0] > scratch[0] + 0.1", "after one epoch"),
        ("01", "gains-claims", "pretrained[-1] < start[0] + 0.02", "within 2 points"),
        ("02", "paired-claims", "largest < 0.05", "within 5 points of the SVM"),
        ("02", "learning-curve-claims", "0.60 < mean[0] < 0.88 and mean[-1] < 0.97", "between 60 and 88 %"),
        ("02", "scratch-claims", ">= 0.15", "at least 15 points over scratch"),
        ("03", "claims", "gain.mean > 0.05", "by at least 5 points"),
        ("03", "claims", 'gains["flowers"].mean < 0.02', "more than 2 points better"),
        ("03", "regret-claims", "regret < 0.04", "less than 4 points against peeking"),
        ("03", "all-everywhere-claims", "abs(tuned) < 0.02", "within two points of fine-tuning on drawn targets"),
        ("03", "all-everywhere-claims", "min(on_photos) > -0.03", "within three on photos"),
        ("03", "real-claims", "gain.low > 0 and gain.mean > 0.05", "more than 5 points above the codes"),
        ("04", "wreck-claims", "< random_head - 0.03", "at least 3 points more"),
        ("04", "same-claims", "abs(gap.mean) < 0.05", "end less than 5 points apart"),
        ("04", "rates-claims", 'low_point["x 0.1"] - 0.02', "at least 2 points lower"),
        ("04", "last-claims", "gap.mean < 0.03", "less than 3 points better"),
        ("05", "same-claims", "end.mean > 0.03", "more than 3 points ahead"),
        ("05", "corner-claims", 'ahead["flowers", 5].low > 0.15', "more than 15 points"),
        ("05", "half-claims", ".mean) < 0.03", "less than 3 points apart"),
        ("06", "probes-claims", "-0.03 < gain.mean < 0.06", "more than 6 points or costs more than 3"),
        ("06", "pays-claims", 'pays["digits"].mean > 0.04', "more than 4 points, clear of the noise"),
        ("06", "lie-claims", 'reached["as it is"] > 0.6,', "above 60 %"),
        (
            "06",
            "probes-claims",
            "together.low > 0 and together.mean < 0.04",
            "clear of the noise, and brings less than 4",
        ),
        ("06", "lie-claims", "flip.high < 0 and flip.mean < -0.05", "more than 5 points, clear of the noise"),
        ("07", "recompute-claims", "< 0.02", "agree within 2 points"),
        ("07", "few-similar-photos-claims", ".mean > 0.05 for each in tuned", "more than 5 points above the codes"),
        ("07", "few-different-photos-claims", "all(gain.low > 0", "beats the codes with every network"),
        (
            "07",
            "many-similar-photos-claims",
            "not any(gain.low > 0 for gain in faster",
            "adds nothing clear to fine-tuning",
        ),
        ("07", "rates-claims", "max(similar) <= 0.3", "at most a third as fast as the head on flowers"),
        ("08", "advice-claims", 'few and advice.rule == "probe"', "*few, similar: probe*"),
        ("08", "verdict-claims", 'proof.values("probe").mean() > 0.75', "above 75 % on test"),
        ("08", "answers-claims", 'answers == ["palace", "daisy"]', "*palace* and *daisy*"),
        ("08", "forgotten-claims", "(surer > 0.15).all()", "at least 15 points surer"),
        ("08", "advice-claims", "found < advice.similarity - 0.3", "more than 0.3 lower"),
        ("08", "verdict-claims", "abs(tuning_gain.mean) < 0.08", "within 8 points"),
        ("08", "verdict-claims", "stage_gain.mean > 0.03", "more than 3 points above the codes"),
        ("08", "verdict-claims", "tuning_gain.mean - 0.03", "no more than 3 points above that stage"),
        ("08", "other-size-claims", "same >= 10", "at least 10 of the 12"),
        ("08", "flattery-claims", "gain.low > 0 and gain.mean > 0.08", "by more than 8 points"),
        ("09", "beside", 'abs(gap["SVM on codes"]) < 0.03', "within 3 points"),
        ("09", "beside-claims", 'abs(gap["two phases"]) < 0.05', "within 5"),
        ("09", "beside-claims", "ahead > 0.05", "more than 5 points above the codes"),
        ("10", "claims", "lost.low > 0.2", "loses more than 20 points"),
        ("10", "wide-claims", "> 0.85", "padded or squashed, over 85 %"),
        ("10", "found-claims", "named.low > 0.6", "More than 60 % of the flowers"),
        ("11", "live-claims", "np.mean(own - other) < -0.1", "at least 10 points better"),
        ("11", "reasons-claims", ".mean) < 0.05 for c in CUTS[:3]", "within 5 points"),
        ("12", "colour-claims", "by_colour < 0.06", "fewer than 6 %"),
        ("12", "grow-claims", "atlas < 0.25 and portraits > 0.5", "stays below 25 %"),
        ("12", "search-claims", "share[100] > 0.25", "more than a quarter"),
        ("13", "forgotten-claims", 'mean["names sorted"] < 0.03', "fewer than 3 %"),
        ("13", "forgotten-claims", 'mean["not normalised"]) < 0.4', "below 40 %"),
        ("13", "forgotten-claims", "abs(moved.mean) < 0.05", "less than 5 points"),
        ("13", "save-claims", "siblings > 0.7", "More than 70 %"),
        ("13", "choose-claims", 'claimed["eli"] > found["eli"] + 0.1', "at least 10 points more"),
    ],
)
def test_what_to_expect_is_what_the_cell_asserts(number, cell, asserted, stated):
    for words, text in ((asserted, cells_of(number)[cell]), (stated, SECTIONS[number])):
        assert re.search(rf"(?<!\d){re.escape(words)}(?!\d)", text), words
    assert heading_of(number)[cell] in SECTIONS[number]
