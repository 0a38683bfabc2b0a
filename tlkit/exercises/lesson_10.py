"""Examiners of lesson 10: does a network take pictures of another size?"""

import numpy as np
import torch
from torch import nn

from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.exercises.tiny import own_luck


@exercise(
    "10.1",
    "a matrix as a window",
    "nn.Conv2d(channels, units, side): linear.in_features is channels * side * side.",
    "linear.weight.view_as(conv.weight) lays the weights out; .clone() makes them the convolution's own. And the bias?",
)
def _as_window(answer: object) -> str:
    for channels, units, side in ((3, 4, 2), (2, 5, 3), (6, 2, 1)):
        with own_luck(side):
            linear = nn.Linear(channels * side * side, units)
            before = linear.weight.detach().clone()
            maps = torch.randn(7, channels, side, side)
            conv = call(answer, linear, side)
        if not isinstance(conv, nn.Conv2d):
            raise Wrong(f"An nn.Conv2d should come back, but it is a {type(conv).__name__}.")
        with torch.no_grad():
            expected = linear(maps.flatten(1)).numpy()
            scores = as_array(conv(maps), (7, units, 1, 1), "one place for maps of the trained size")[..., 0, 0]
            _compare(scores, expected, linear)
            conv.weight.zero_()
        if not torch.equal(linear.weight, before):
            raise Wrong("The numbers are right, but both share their weights: I changed the convolution's, and the "
                        "linear layer's changed too.")  # fmt: skip
    return "The same numbers, laid out as a window: on a larger map it answers at every place where it fits."


def _compare(scores: np.ndarray, expected: np.ndarray, linear: nn.Linear) -> None:
    """Say what is wrong with the scores, if anything is."""
    if np.allclose(scores, expected, atol=1e-5):
        return
    if np.allclose(scores + linear.bias.numpy(), expected, atol=1e-5):
        raise Wrong("The bias is missing: all scores of a unit are off by the same number.")
    if np.allclose(np.ptp(scores - expected, axis=0), 0, atol=1e-5):
        raise Wrong("The weights are right, the bias is not: it is still the random one of the new convolution.")
    raise Wrong("The shape is right, but the scores are not those of the linear layer: are its weights in the window?")


@exercise(
    "10.2",
    "where does a score belong",
    "The last window that fits begins at pixel pixels - window.",
    "range(0, pixels - window + 1, pace) gives where the windows begin; each middle lies half a window further.",
)
def _middles(answer: object) -> str:
    for pixels, window, pace in ((128, 64, 32), (64, 64, 32), (100, 64, 32), (256, 64, 8), (384, 224, 32)):
        expected = np.arange(0, pixels - window + 1, pace) + window / 2
        given = np.asarray(call(answer, pixels, window, pace), dtype=float)
        asked = f"For {pixels} pixels, windows of {window} and a pace of {pace}"
        if given.shape == expected.shape and np.allclose(given, expected - window / 2):
            raise Wrong(f"{asked} you give where the windows begin. We want their middles.")
        if given.shape != expected.shape:
            raise Wrong(f"{asked}: {len(expected)} fit, but you give {given.size}. None may reach over the end.")
        if not np.allclose(given, expected):
            raise Wrong(f"{asked} the first middle is {expected[0]:g} and the last {expected[-1]:g}, not {given}.")
    return "With this the heat map lies over the picture, and not half a window beside it."


@exercise(
    "10.3",
    "flattened the other way",
    "Give the matrix its four dimensions first, in the order that it was flattened in: units, rows, columns, channels.",
    "Then permute(...) moves the channels to the second place.",
)
def _from_channels_last(answer: object) -> str:
    for units, side, channels in ((4, 2, 3), (2, 3, 5), (3, 1, 4)):
        weight = torch.arange(units * channels * side * side).float().view(units, channels, side, side)
        matrix = weight.permute(0, 2, 3, 1).reshape(units, -1)
        given = as_array(call(answer, matrix.clone(), side), tuple(weight.shape), "(units, channels, side, side)")
        if side > 1 and np.array_equal(given, matrix.view_as(weight).numpy()):
            raise Wrong("This is the plain reshape: the shape is right, and the numbers are in the wrong places.")
        if side > 1 and np.array_equal(given, weight.transpose(2, 3).numpy()):
            raise Wrong("Nearly: rows and columns have changed places, so every window is turned over its diagonal.")
        if not np.array_equal(given, weight.numpy()):
            raise Wrong("The shape is right, but the numbers are in the wrong places. In which order does the matrix "
                        "hold them?")  # fmt: skip
    return "A wrong order raises no error: only the answers tell. Compare some with those of the other library."
