"""Examiners of lesson 02: what is a CNN code, and what is it good for?"""

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from tlkit.exercises import Wrong, as_array, as_bool, call, exercise
from tlkit.intervals import mean_interval, points


@exercise(
    "02.1",
    "cut anywhere",
    "It is the loop at the start of the lesson, which has to stop in time.",
    "What one stage puts out is what the next takes in: x = stage(x), for each name and stage in stages.items().",
    "Return x inside of the loop, if the name of the stage is the one that was asked for.",
)
def _cut_after(answer: object) -> str:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stages = {
            "first": nn.Conv2d(3, 4, 3, padding=1),
            "second": nn.Sequential(nn.Conv2d(4, 3, 3, padding=1), nn.ReLU()),
            "third": nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 6)),
            "fourth": nn.Linear(6, 5),
        }
        pictures = torch.randn(2, 3, 8, 8)
    activations = {"": pictures}
    with torch.inference_mode():
        for name, stage in stages.items():
            activations[name] = stage(list(activations.values())[-1])
        for before, name in zip(activations, stages):
            given = call(answer, dict(stages), pictures.clone(), name)
            if np.array_equal(given, activations[before]):
                raise Wrong(f"Asked for {name!r}, it stops one stage too early.")
            if name != "fourth" and np.shape(given) == (2, 5):
                raise Wrong(f"Asked for {name!r}, it goes on to the last stage. Stop in time.")
            if not np.allclose(as_array(given, tuple(activations[name].shape)), activations[name], atol=1e-5):
                raise Wrong(f"The shape is right, but these are not the activations of {name!r}.")
    return "One loop serves every stage, and every stage gives features. Lesson 03 is about which of them to take."


@exercise(
    "02.2",
    "a fourth classifier",
    "Two steps: one mean code for each label, and then the distances from each new code to these means.",
    "codes[labels == label].mean(axis=0) is the centre of one species. np.stack puts the centres in one array.",
    "new[:, None] - centres has shape (m, k, d). Take np.linalg.norm over the last axis, then argmin.",
)
def _nearest_centre(answer: object) -> str:
    random = np.random.default_rng(0)
    for k, d, n in ((3, 2, 60), (6, 5, 150), (2, 8, 40)):
        centres = random.normal(0, 1.5, (k, d))
        labels = random.permutation(
            np.r_[np.arange(k), random.choice(k, n - k, p=np.arange(1, k + 1) / sum(range(k + 1)))]
        )
        codes = centres[labels] + random.normal(0, 2, (n, d)) * random.uniform(0.3, 1.5, (k, 1))[labels]
        new = random.normal(0, 2.5, (50, d))
        given = as_array(call(answer, codes.copy(), labels.copy(), new.copy()), (50,), "one label for each new code")
        means = np.stack([codes[labels == label].mean(0) for label in range(k)])
        expected = _nearest(new, means)
        if (given == expected).all():
            continue
        if (given == labels[_nearest(new, codes)]).all():
            raise Wrong("You look for the nearest single picture. Look for the nearest mean of a species.")
        if (given == (new @ means.T).argmax(1)).all():
            raise Wrong("The largest product with a centre is not the smallest distance: a long centre wins too often.")
        if (given == np.linalg.norm(new[:, None] - means, axis=2).argmax(1)).all():
            raise Wrong("You take the farthest centre. Take the nearest.")
        if not np.isin(given, labels).all():
            raise Wrong(f"These should be labels, 0 to {k - 1}, but there is a {given[~np.isin(given, labels)][0]:g}.")
        share = (given == expected).mean()
        raise Wrong(f"Only {share:.0%} of the new codes get the label of their nearest centre.")
    return "No C, no margin, no solver. Measure it on the codes of the lesson: the suggestions below say how."


@exercise(
    "02.3",
    "is the difference real",
    "Subtract draw by draw first. The interval comes after.",
    "tlkit.mean_interval(np.subtract(first, second)) has .low and .high.",
    "Zero is left out where low is above it, or where high is below it.",
)
def _is_clear(answer: object) -> str:
    random = np.random.default_rng(0)
    hard = np.array([0.70, 0.78, 0.62, 0.81, 0.66])  # how hard a draw is moves both classifiers
    wobble = random.normal(0, 0.004, 5)
    few = (wobble - wobble.mean()) / wobble.std(ddof=1)
    cases = [
        (hard + 0.02 + wobble, hard, True),
        (hard, hard + 0.02 + wobble, True),
        (hard + 0.001 + 4 * wobble, hard, False),
        (hard, hard + 0.001 - 4 * wobble, False),
        (hard, hard[::-1] + 0.02, False),
        (hard + 0.01 * (few + 2.3 / np.sqrt(5)), hard, False),  # clear for 1.96, not for Student's t
        (hard + [0.017, 0.002, 0.019, 0.009, 0.028], hard, True),  # a mean of less than two standard deviations
        (hard[:3] + [0.01, 0.05, 0.09], hard[:3], False),  # all of one sign
    ]
    for first, second, clear in cases:
        if as_bool(call(answer, first.tolist(), second.tolist())) == clear:
            continue
        difference = mean_interval(first - second)
        words = points(difference).rsplit(",", 1)[0]
        if not clear:
            raise Wrong(
                f"The difference within each draw is {words}. Zero is inside, so it is not clear. "
                f"With {len(first)} draws an interval takes Student's t: see tlkit.mean_interval."
            )
        if difference.high < 0:
            raise Wrong(
                f"The difference within each draw is {words}. The second one is clearly better: that counts too."
            )
        raise Wrong(f"The difference within each draw is {words}: clear, though the intervals of the two overlap.")
    return "What makes a draw hard moves both alike. The difference within the draw takes it out, and sees more."


@exercise(
    "02.4",
    "a frozen network that moves",
    "Three looks: at pictures in eval(), at others in train(), at pictures in eval() again.",
    "network.eval() returns the network itself, so network.eval()(pictures) are the codes.",
    "(after - before).abs().max() is the largest change; .item() makes a number of it.",
)
def _drift(answer: object) -> str:
    random = torch.Generator().manual_seed(0)
    largest = 0.0
    for momentum, spread, begins_in_train in ((0.1, 1.5, False), (0.5, 0.1, True), (None, 1.0, False)):
        network = _tiny_network(momentum).train(begins_in_train)
        pictures = torch.randn(4, 3, 6, 6, generator=random)
        others = (spread > 1) + spread * torch.randn(8, 3, 6, 6, generator=random)  # codes fall, or rise
        with torch.random.fork_rng(devices=[]):
            given = float(as_array(call(answer, deepcopy(network), pictures.clone(), others.clone()), ()))
        change = _change(network, pictures, others)
        expected = float(change.abs().max())
        if np.isclose(given, expected, rtol=1e-3, atol=1e-5):
            largest = max(largest, expected)
            continue
        if not expected:
            raise Wrong(f"This network has no BatchNorm and cannot move, but it gives {given:.4f}.")
        if abs(given) < 1e-7:
            raise Wrong("It finds no change. Was the network in train() while it looked at the others?")
        if given < 0 or np.isclose(given, [change.max(), -change.min()], rtol=1e-3).any():
            raise Wrong("This goes one way only, but a code may rise or fall: take .abs() before .max().")
        if np.isclose(given, _change(network, pictures, pictures).abs().max(), rtol=1e-3):
            raise Wrong("In train() the network looked at the pictures. Let it look at the others.")
        if np.isclose(given, _change(network, pictures, others, last_in_train=True).abs().max(), rtol=1e-3):
            raise Wrong("Your second codes were taken in train(). Go back to eval() first.")
        if begins_in_train:
            raise Wrong("This network came in train(). Put it in eval() before you take the first codes.")
        raise Wrong(f"It gives {given:.4f}, but the largest change of any number is {expected:.4f}.")
    return f"Codes moved by up to {largest:.2f}, and no weight changed. This is why a frozen network is kept in eval()."


def _nearest(new: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.linalg.norm(new[:, None] - known, axis=2).argmin(1)


def _tiny_network(momentum: float | None) -> nn.Module:
    """A network with BatchNorm of this momentum, or with None at all in its place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        norm = nn.Identity() if momentum is None else nn.BatchNorm2d(5, momentum=momentum)
        return nn.Sequential(nn.Conv2d(3, 5, 3), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@torch.no_grad()
def _change(
    network: nn.Module, pictures: torch.Tensor, others: torch.Tensor, last_in_train: bool = False
) -> torch.Tensor:
    network = deepcopy(network)
    before = network.eval()(pictures)
    network.train()(others)
    return network.train(last_in_train)(pictures) - before
