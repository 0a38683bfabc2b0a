"""Answers to the exercises of lesson 10, for ``test_answers.py``."""

import torch
from torch import nn


def as_window(linear, side, share=False, bias=True, order=None):
    conv = nn.Conv2d(linear.in_features // side**2, linear.out_features, side)
    weight = linear.weight.data.view_as(conv.weight)
    weight = weight.flip(order) if order else weight
    conv.weight.data = weight if share else weight.clone()
    if bias:
        conv.bias.data = linear.bias.data.clone()
    return conv


def with_state(linear, side):
    """Through the state, in place of the data."""
    conv = nn.Conv2d(linear.in_features // side**2, linear.out_features, side)
    conv.load_state_dict({"weight": linear.weight.unflatten(1, (-1, side, side)), "bias": linear.bias})
    return conv


def without_bias(linear, side):
    conv = nn.Conv2d(linear.in_features // side**2, linear.out_features, side, bias=False)
    conv.weight.data = linear.weight.data.view_as(conv.weight).clone()
    return conv


def channels_last(matrix, side):
    return torch.einsum("uyxc->ucyx", matrix.reshape(len(matrix), side, side, -1))


RIGHT = {
    "10.1": with_state,
    "10.2": lambda pixels, window, pace: [window // 2 + pace * k for k in range((pixels - window) // pace + 1)],
    "10.3": channels_last,
}
WRONG = [
    ("10.1", lambda linear, side: as_window(linear, side, share=True), "both share their weights"),
    ("10.1", lambda linear, side: as_window(linear, side, bias=False), "the bias is not"),
    ("10.1", without_bias, "The bias is missing"),
    ("10.1", lambda linear, side: as_window(linear, side, order=(1,)), "not those of the linear layer"),
    ("10.1", lambda linear, side: linear, "An nn.Conv2d should come back"),
    ("10.1", lambda linear, side: nn.Conv2d(linear.in_features // side**2, 9, side), "The shape should be"),
    ("10.2", lambda pixels, window, pace: range(0, pixels - window + 1, pace), "where the windows begin"),
    ("10.2", lambda pixels, window, pace: [k + window / 2 for k in range(0, pixels, pace)], "None may reach over"),
    ("10.2", lambda pixels, window, pace: [k + window / 2 for k in range(0, pixels - window, pace)], "32: 3 fit"),
    ("10.2", lambda pixels, window, pace: [k + pace for k in range(0, pixels - window + 1, pace)], "the last"),
    ("10.3", lambda matrix, side: matrix.reshape(len(matrix), -1, side, side), "the plain reshape"),
    ("10.3", lambda matrix, side: channels_last(matrix, side).transpose(2, 3), "over its diagonal"),
    ("10.3", lambda matrix, side: channels_last(matrix, side).flip(1), "In which order"),
    ("10.3", lambda matrix, side: matrix.view(len(matrix), side, side, -1), "The shape should be"),
]
LAZY = [lambda *_: [32, 64, 96], lambda *_: nn.Conv2d(3, 4, 2)]
