"""The meadow: flowers of known species at known places, and heat maps over it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import tlkit
from tlkit.figures import style
from tlkit.world import catalogue, meadow


@pytest.fixture(scope="module")
def drawn():
    return tlkit.draw_meadow([3, 7, 3, 11, 0, 16], seed=5)


def test_a_meadow_is_the_same_each_time_and_another_with_another_seed(drawn):
    again = tlkit.draw_meadow([3, 7, 3, 11, 0, 16], seed=5)
    assert torch.equal(drawn.image, again.image) and drawn.places == again.places
    other = tlkit.draw_meadow([3, 7, 3, 11, 0, 16], seed=6)
    assert not torch.equal(drawn.image, other.image) and drawn.places != other.places


def test_it_has_the_form_that_it_promises(drawn):
    assert drawn.image.shape == (3, 256, 384) and drawn.image.dtype == torch.uint8
    assert drawn.labels == [3, 7, 3, 11, 0, 16] and len(drawn.places) == 6
    for row, column in drawn.places:
        assert 32 <= row <= 256 - 32 and 32 <= column <= 384 - 32, "a window of 64 pixels fits round each"


def test_flowers_keep_apart():
    for key in range(50):
        places = np.array(meadow._places(key, 12))
        apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e3 * np.eye(12)
        assert apart.min() > 30, key


def test_a_flower_changes_its_surroundings_and_nothing_else():
    """Another species at the last place: the first places stay, and only a window round the last one differs."""
    one, other = (tlkit.draw_meadow([2, 5, label], seed=1) for label in (4, 9))
    assert one.places == other.places
    row, column = one.places[-1]
    differs = (one.image != other.image).any(0)
    assert differs[row - 8 : row + 8, column - 8 : column + 8].float().mean() > 0.9
    differs[max(0, row - 68) : row + 68, max(0, column - 68) : column + 68] = False
    assert not differs.any()


def test_a_cut_out_lies_on_its_ground_as_it_was_painted():
    """Put back on the ground that it was cut from, it is the picture again."""
    keys = [11, 12]
    colours, through = meadow._cut_out([6, 13], keys)
    dice = meadow._OnPlainGround(keys, 0.4)
    x, y = (2.0 * line for line in meadow.scene.grid(128))
    species = catalogue._genes("flowers", "species")
    genes = meadow.SimpleNamespace(**{name: gene[[6, 13]] for name, gene in species.items()})
    painted = meadow.plants.paint_flower(genes, dice, x, y)
    ground = meadow.scene.undergrowth(dice, 128)
    torch.testing.assert_close(colours + through[:, None] * ground, painted, rtol=0, atol=1e-3)
    assert through[:, 64, 64].abs().max() < 0.01, "nothing shines through the middle"
    assert (through[:, :8] - 1).abs().max() < 0.01, "and all at the border"


def test_the_network_knows_the_flowers_of_a_meadow(backbone, flowers):
    """They are those of the dataset, in size and in looks: a probe that learned there names them here."""
    rows = tlkit.extract_features(backbone, flowers.train.images)
    probe = tlkit.LinearProbe("softmax").fit(rows, flowers.train.labels.numpy())
    right = []
    for seed in range(4):
        drawn = tlkit.draw_meadow(np.random.default_rng(seed).permutation(17)[:10].tolist(), seed)
        cut = torch.stack([drawn.image[:, y - 32 : y + 32, x - 32 : x + 32] for y, x in drawn.places])
        right += (probe.predict(tlkit.extract_features(backbone, cut)) == drawn.labels).tolist()
    assert np.mean(right) > 0.5, "17 species, 5 training pictures each"


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="a label must be from 0 to 16"):
        tlkit.draw_meadow([17])
    with pytest.raises(ValueError, match="number of flowers must be from 1 to 12"):
        tlkit.draw_meadow([1] * 13)
    with pytest.raises(ValueError, match="number of flowers must be from 1 to 12"):
        tlkit.draw_meadow([])


def test_heat_maps_lie_where_they_belong_and_say_so(drawn):
    names = catalogue.OFFLINE_DATASETS["flowers"].class_names
    (row, column), heat = drawn.places[3], np.full((24, 40), 0.01)
    heat[round((row - 32) / 8), round((column - 32) / 8)] = 0.97
    axes = tlkit.plot_heat(drawn, {names[11]: heat, names[5]: heat})
    alt = axes.figure.alt_text
    assert f"{names[11]}, 1 flowers: the brightest place has 97%" in alt and f"{names[5]}, 0 flowers" in alt
    away = int(alt.split(f"{names[11]}, ")[1].split("97%, ")[1].split(" pixels")[0])
    assert away <= 6 and "there is none" in alt
    panels = axes.figure.axes
    assert panels[1].images[-1].get_extent() == [28, 28 + 40 * 8, 28 + 24 * 8, 28], "a place in the middle of its cell"
    assert sum(isinstance(patch, plt.Circle) for patch in panels[1].patches) == 1
    assert "<img alt=" in style.as_html(axes)
