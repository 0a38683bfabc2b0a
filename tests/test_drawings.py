"""The drawings of lesson 00 say in words what they show, and show what was measured."""

import numpy as np
from matplotlib.colors import to_hex

from tlkit.figures.colours import COLOURS
from tools import drawings


def test_the_opening_shows_ten_photos_and_the_same_dozen_twice(flowers):
    labels = flowers.test.labels.numpy()
    answers = {"Without transfer": np.full(680, 3), "With transfer": np.where(np.arange(680) % 4, labels, 0)}
    axes = drawings._ten_in_a_dozen_out(flowers, answers)
    words = axes.figure.alt_text
    assert "without transfer 6% of 680" in words and "with transfer 76% of 680" in words, "3 of 4, and class 0"
    shown = np.linspace(0, 679, 12).astype(int)
    frames = [to_hex(frame.get_edgecolor()).upper() for frame in axes.patches[-24:]]
    right = [given[row] == labels[row] for given in answers.values() for row in shown]
    assert frames == [COLOURS[2] if holds else COLOURS[1] for holds in right] and 0 < sum(right) < 24
    assert len(axes.images) == 24 + 5, "and as many training photos as there are, up to ten"


def test_the_strip_shows_every_stage_of_the_network_and_where_it_is_cut(backbone):
    axes = drawings.network_strip()
    texts = [text.get_text() for text in axes.texts]
    assert set(backbone.stage_names) <= set(texts) and "✂" in texts
    assert {"256 maps\n2 × 2", "512"} <= set(texts) and all(name in axes.figure.alt_text for name in ("conv1", "fc7"))
    assert len(axes.images) == 1 + 5 * 4 + 2
