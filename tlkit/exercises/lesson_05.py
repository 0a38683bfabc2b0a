"""Examiners of lesson 05: are pretrained weights a better start than random ones?"""

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from tlkit.exercises import Wrong, as_array, call, exercise, names_in
from tlkit.exercises.tiny import tiny_backbone
from tlkit.history import History
from tlkit.nets.backbone import Backbone


@exercise(
    "05.1",
    "copy everything but the head",
    "Look again at the cell of the lesson that copies by hand.",
    'Keep what does not start with "head.", and load it with strict=False.',
    "load_state_dict(..., strict=False) returns two lists; the first one names what was missing.",
)
def _start_from(answer: object) -> str:
    for classes, seed in ((100, 1), (17, 2)):
        network, source = tiny_backbone(17, seed=10 + seed), tiny_backbone(classes, seed)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        given_from = {name: tensor.clone() for name, tensor in source.state_dict().items()}
        try:
            given = call(answer, network, source)
        except RuntimeError as error:
            if "size mismatch" not in str(error):
                raise
            raise Wrong(
                "The source's head is for 100 classes, and does not fit. strict=False forgives a name that is "
                "missing, but no other shape: leave the head out yourself."
            ) from error
        after = network.state_dict()
        if any(not torch.equal(tensor, given_from[name]) for name, tensor in source.state_dict().items()):
            raise Wrong("The source has changed. It should stay as it is; the copy goes the other way.")
        if any(not torch.equal(after[name], before[name]) for name in ("head.weight", "head.bias")):
            raise Wrong("The head was copied too. With as many classes it fits, and is still another one.")
        left = [
            name for name in after if not name.startswith("head.") and not torch.equal(after[name], given_from[name])
        ]
        if left and all("running" in name for name in left):
            raise Wrong("The weights are copied, but not the BatchNorm statistics. parameters() does not give those.")
        if left:
            raise Wrong(f"{len(left)} tensors are not those of the source, {left[0]} for one.")
        if names_in(given) != {"head.weight", "head.bias"}:
            raise Wrong(f"The copy is right. What it left out is not {sorted(names_in(given))}.")
    return "The same codes as the source, and a head that knows nothing yet."


@exercise(
    "05.2",
    "three gains from two curves",
    "Each gain is a number of the pretrained curve minus the same number of the other one.",
    "The end of each curve is its own: curve[-2:] are its last two values. np.mean takes their mean.",
    "The slope is curve[1] - curve[0], of the first minus of the second.",
)
def _three_gains(answer: object) -> str:
    random = np.random.default_rng(5)
    for epochs, others in ((6, 6), (5, 10), (9, 4)):
        upper, lower = (random.uniform(0.05, 0.95, n + 1).round(3) for n in (epochs, others))
        given = as_array(call(answer, upper.copy(), lower.copy()), (3,))
        expected = np.array(_gains(upper, lower))
        if np.allclose(given, expected, atol=1e-6):
            continue
        if np.allclose(given, -expected, atol=1e-6):
            raise Wrong("The signs are turned round: how much higher is the pretrained curve?")
        both = min(epochs, others) + 1
        if epochs != others and np.isclose(given[2], _gains(upper[:both], lower[:both])[2]):
            raise Wrong("You compare both where the shorter curve ends. Each curve has its own end.")
        if np.isclose(given[2], upper[-1] - lower[-1]):
            raise Wrong("The asymptote is the mean of the last two values: one alone is luck.")
        if np.isclose(given[1], upper[1] - lower[1]):
            raise Wrong("That is how much higher the curve is after one epoch. The slope is how much it rises there.")
        which = ("start", "slope", "asymptote")[int(np.argmax(~np.isclose(given, expected, atol=1e-6)))]
        raise Wrong(
            f"The {which} is wrong: {np.array2string(given, precision=3)} should be "
            f"{np.array2string(expected, precision=3)}, for the curves {upper.tolist()} and {lower.tolist()}."
        )
    return "With a new head on both, as in this lesson, both begin at chance. Then the start gains nothing."


def _gains(upper: np.ndarray, lower: np.ndarray) -> tuple[float, float, float]:
    """Start, slope and asymptote, each as the first curve's minus the second's."""
    first, second = ((curve[0], curve[1] - curve[0], curve[-2:].mean()) for curve in (upper, lower))
    return tuple(one - other for one, other in zip(first, second))


@exercise(
    "05.3",
    "equal seconds",
    "Do the same for each way alone: how many of its epochs are over by then?",
    'np.searchsorted(way.seconds, budget, side="right") counts the seconds that are at most budget.',
    "Of n finished epochs the last one is way.val_accuracy[n - 1].",
)
def _at_equal_seconds(answer: object) -> str:
    slow = History(seconds=[2.0, 4.0, 6.0, 8.0, 10.0], val_accuracy=[0.31, 0.52, 0.47, 0.64, 0.66])
    fast = History(seconds=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], val_accuracy=[0.12, 0.20, 0.36, 0.33, 0.41, 0.44])
    for first, second, budget in (
        (slow, fast, 4.5),
        (fast, slow, 2.5),
        (slow, fast, 6.5),  # the best epoch of the first one lies before
        (fast, slow, 8.0),  # one has ended, one finishes just then
        (slow, fast, 30.0),
    ):
        given = as_array(call(answer, deepcopy(first), deepcopy(second), budget), (2,), "an accuracy for each way")
        done = [int(np.searchsorted(way.seconds, budget, side="right")) for way in (first, second)]
        expected = _accuracies((first, second), done)
        if np.allclose(given, expected, atol=1e-6):
            continue
        for mistaken, words in _mistaken_seconds((first, second), done, budget):
            if np.allclose(given, mistaken, atol=1e-6):
                raise Wrong(f"After {budget:g} seconds: {words}")
        raise Wrong(
            f"After {budget:g} seconds it gives {np.array2string(given, precision=3)}, but should give {expected}, "
            f"for epochs that end at {first.seconds} and {second.seconds}, with {first.val_accuracy} "
            f"and {second.val_accuracy}."
        )
    return "Equal epochs and equal seconds are two questions. Ask it about pretrained.history and scratch.history too."


def _accuracies(ways: tuple[History, History], epochs: list[int]) -> list[float]:
    """The accuracy of each way after so many epochs; its last one, if it has no more."""
    return [way.val_accuracy[min(n, len(way.val_accuracy)) - 1] for way, n in zip(ways, epochs)]


def _mistaken_seconds(ways: tuple[History, History], done: list[int], budget: float) -> list[tuple[list[float], str]]:
    """What a likely mistake would give, and what to say to it."""
    before = [max(1, int(np.searchsorted(way.seconds, budget))) for way in ways]
    summed = [max(1, int(np.searchsorted(np.cumsum(way.seconds), budget, side="right"))) for way in ways]
    equal = "you compare at equal epochs. In the same seconds each way finishes a number of its own."
    return [
        (_accuracies(ways, done)[::-1], "the two ways are exchanged."),
        (_accuracies(ways, done[:1] * 2), equal),
        (_accuracies(ways, done[1:] * 2), equal),
        (_accuracies(ways, [len(way.seconds) for way in ways]), "these are the accuracies where the curves end."),
        (_accuracies(ways, before), "an epoch that ends exactly then is in time too."),
        (_accuracies(ways, [n + 1 for n in before]), "you count an epoch that was not finished by then."),
        (_accuracies(ways, [n + 1 for n in done]), "you count an epoch that was not finished by then."),
        (
            [max(way.val_accuracy[:n]) for way, n in zip(ways, done)],
            "this is the best epoch so far. Take the last one: those are the weights that you would have.",
        ),
        (_accuracies(ways, summed), "the seconds count since the start. They are summed up already."),
        (
            [float(np.interp(budget, way.seconds, way.val_accuracy)) for way in ways],
            "Between two epochs nothing was measured. Take the last epoch that is over.",
        ),
    ]


@exercise(
    "05.4",
    "a hundred times too fast",
    "Four steps: keep the weights, backward() from the loss, one step of the optimizer, compare.",
    "torch.cat([p.detach().flatten() for p in network.parameters()]) is a copy of all weights in one row.",
    "(after - before).abs().mean() / before.abs().mean()",
)
def _moved(answer: object) -> str:
    for seed, rate in ((1, 4e-3), (2, 0.4), (3, 0.02)):
        generator = torch.Generator().manual_seed(seed)
        x, labels = torch.randn(8, 6, generator=generator), torch.arange(8) % 4
        network, by_adamw, by_adam = (tiny_backbone(4, seed) for _ in range(3))
        expected = _move(by_adamw, x, labels, rate, torch.optim.AdamW)
        _move(by_adam, x, labels, rate, torch.optim.Adam)
        given = float(as_array(call(answer, network, x, labels, rate), ()))
        # The two go nearly as far, and end at other weights: AdamW makes each smaller by a share of it.
        if _same_head(network, by_adam) and not _same_head(network, by_adamw):
            raise Wrong("That is a step of Adam, without the weight decay of AdamW: take torch.optim.AdamW as it is.")
        if given == 0:
            raise Wrong("It says that nothing moved. Keep a copy of the weights: detach() alone follows the step.")
        if abs(given / expected[0] - 1) < 0.02:
            continue
        if abs(given / expected[1] - 1) < 0.02:
            raise Wrong("That is the mean size of the change alone. Divide it by the mean size of the weights before.")
        if abs(given / _move(tiny_backbone(4, seed), x, labels, rate, torch.optim.SGD)[0] - 1) < 0.02:
            raise Wrong("That is a step of SGD. AdamW goes another way: take torch.optim.AdamW.")
        raise Wrong(f"At the rate {rate:g} it gives {given:.4g}, but should give {expected[0]:.4g}.")
    return (
        "The first step of AdamW moves every weight by about the rate. In the network of the course that is a "
        "twelfth of a weight's mean size at 0.004, and eight times its size at 0.4: "
        "of what was pretrained, nothing is left."
    )


def _same_head(one: Backbone, other: Backbone) -> bool:
    return torch.allclose(one.head.weight, other.head.weight, rtol=0, atol=1e-6)


def _move(
    network: nn.Module, x: torch.Tensor, labels: torch.Tensor, rate: float, kind: type[torch.optim.Optimizer]
) -> tuple[float, float]:
    """How far one step goes, as a share of the weights' size, and the step itself."""
    before = [parameter.detach().clone() for parameter in network.parameters()]
    nn.functional.cross_entropy(network(x), labels).backward()
    kind(network.parameters(), rate).step()
    pairs = zip(network.parameters(), before)
    change = torch.cat([(now.detach() - then).abs().flatten() for now, then in pairs]).mean().item()
    return change / torch.cat([then.abs().flatten() for then in before]).mean().item(), change
