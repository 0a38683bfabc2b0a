"""Examiners of lesson 05: are pretrained weights a better start than random ones?"""

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from tlkit.exercises import Wrong, as_array, call, exercise, names_in
from tlkit.exercises.tiny import own_luck, tiny_backbone
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
    "the scale without the features",
    "Walk through network.stages.modules(), pass by the BatchNorm layers, and take layer.parameters(recurse=False).",
    "torch.randperm(w.numel(), generator=draw) is a new order for all the numbers of w, flattened.",
    "w.data.flatten()[order].reshape(w.shape) is what w.data becomes.",
)
def _shuffled(answer: object) -> str:
    for seed in (1, 2):
        before, twins = _with_norms_that_vary(seed), []
        for _ in range(2):
            given = call(answer, _with_norms_that_vary(seed), torch.Generator().manual_seed(seed))
            if not isinstance(given, Backbone):
                raise Wrong("It should return the network.")
            twins.append(given.state_dict())
        for name, old in before.state_dict().items():
            is_norm = ".1." in name  # each stage is a layer of weights, BatchNorm, and ReLU
            _same_numbers(name, old, twins[0][name], is_norm or not name.startswith("stages."))
        if any(not torch.equal(value, twins[1][name]) for name, value in twins[0].items()):
            raise Wrong("Twice the same seed gave two different orders. Take the order from draw, the generator.")
    return (
        "The numbers of each tensor are the very same, so its mean and spread are, too. What is gone is who stands "
        "where, and that was the feature."
    )


def _with_norms_that_vary(seed: int) -> Backbone:
    """A network in which BatchNorm has learned something, so that a shuffle of it is seen."""
    network = tiny_backbone(4, seed)
    with own_luck(seed):
        for name, parameter in network.named_parameters():
            if ".1." in name:
                nn.init.uniform_(parameter, 0.5, 1.5)
    return network


def _same_numbers(name: str, old: Tensor, new: Tensor, stays: bool) -> None:
    """Raise Wrong if what should stay has changed, or what should be shuffled was not."""
    if new.shape != old.shape:
        raise Wrong(f"{name} has the shape {tuple(new.shape)} now, but should keep {tuple(old.shape)}.")
    if stays:
        if not torch.equal(new, old):
            raise Wrong(f"{name} has changed. The head and BatchNorm should stay as they are.")
        return
    if torch.equal(new, old):
        raise Wrong(f"{name} is as it was. Shuffle every weight and every bias, in place or in a copy.")
    if not torch.equal(new.flatten().sort().values, old.flatten().sort().values):
        raise Wrong(f"{name} has other numbers now. Do not draw new ones: put the old ones into another order.")
    if old.ndim > 1:
        rows = [sorted(sorted(row) for row in tensor.tolist()) for tensor in (new, old)]
        columns = [sorted(sorted(row) for row in tensor.T.tolist()) for tensor in (new, old)]
        if rows[0] == rows[1] or columns[0] == columns[1]:
            raise Wrong(
                f"{name}: the numbers of each row (or column) stayed together, so much of what the filters knew is "
                "still there. Shuffle all numbers of the tensor, flattened."
            )


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
    network: nn.Module, x: Tensor, labels: Tensor, rate: float, kind: type[torch.optim.Optimizer]
) -> tuple[float, float]:
    """How far one step goes, as a share of the weights' size, and the step itself."""
    before = [parameter.detach().clone() for parameter in network.parameters()]
    nn.functional.cross_entropy(network(x), labels).backward()
    kind(network.parameters(), rate).step()
    pairs = zip(network.parameters(), before)
    change = torch.cat([(now.detach() - then).abs().flatten() for now, then in pairs]).mean().item()
    return change / torch.cat([then.abs().flatten() for then in before]).mean().item(), change
