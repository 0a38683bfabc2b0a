"""Examiners of lesson 05: are pretrained weights a better start than random ones?"""

import numpy as np
import torch
from torch import nn

from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.exercises.lesson_04 import names_in, tiny_backbone
from tlkit.intervals import mean_interval


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
    "inside the noise?",
    "The draws belong together in pairs: subtract first, then take one interval.",
    "tlkit.mean_interval(np.subtract(first, second)) has .low and .high.",
    "Inside the noise is low <= 0 <= high. Clear of it can mean above 0, or below.",
)
def _inside(answer: object) -> str:
    even = np.array([0.60, 0.70, 0.55, 0.80, 0.65])  # easy and hard draws
    cases = [
        (even + [0.02, 0.03, 0.02, 0.03, 0.02], even, "The same gain in every draw is clear of the noise"),
        (even, even + [0.02, 0.03, 0.02, 0.03, 0.02], "Clearly lower is clear of the noise as well"),
        (even + [0.10, -0.06, 0.09, -0.05, 0.04], even, "A gain that changes its sign from draw to draw is inside"),
        (even[:3] + [0.01, 0.05, 0.09], even[:3], "Three draws are few, and the interval is wide"),
        (even + [0.004, 0.005, 0.004, 0.005, 0.004], even, "A small gain can be clear of the noise"),
        (even, even + [0.10, -0.06, 0.09, -0.05, 0.04], "What is lower on average may still be inside"),
    ]
    for first, second, why in cases:
        given = call(answer, first.copy(), second.copy())
        if not isinstance(given, (bool, np.bool_)):
            raise Wrong(f"True or False was expected, but a {type(given).__name__} came back.")
        gap = mean_interval(first - second)
        if bool(given) == (gap.low <= 0 <= gap.high):
            continue
        points = ", ".join(f"{100 * value:+.1f}" for value in first - second)
        raise Wrong(
            f"{why}. Draw by draw the difference is {points} points, with the interval "
            f"{100 * gap.low:+.1f} to {100 * gap.high:+.1f}; it says {bool(given)}."
        )
    return "Pairing takes out how hard each draw is. Two separate intervals would overlap in the first case."


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
        expected = _move(tiny_backbone(4, seed), x, labels, rate, torch.optim.AdamW)
        given = float(as_array(call(answer, tiny_backbone(4, seed), x, labels, rate), ()))
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
