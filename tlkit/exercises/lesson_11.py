"""Examiners of lesson 11: how transferable is each stage?"""

import numpy as np
import torch

from tlkit.exercises import Wrong, as_array, call, exercise
from tlkit.exercises.tiny import tiny_backbone
from tlkit.intervals import points
from tlkit.nets.backbone import Backbone

# ------------------------------------------------------------------------------------------ 11.1


@exercise(
    "11.1",
    "cut and graft",
    "donor.stage_names[:n] are the names of the stages to keep.",
    "A state dict holds the weights and the BatchNorm statistics; load_state_dict copies the numbers.",
    "fresh.stages[name].load_state_dict(donor.stages[name].state_dict()), for each of these names.",
)
def _graft(answer: object) -> str:
    for keep in (2, 1, 3):
        donor, fresh = tiny_backbone(5, seed=1), tiny_backbone(3, seed=2)
        before, random = _numbers(donor), _numbers(fresh)
        given = call(answer, donor, fresh, keep)
        if not isinstance(given, Backbone):
            raise Wrong(f"The network should come back, but a {type(given).__name__} did.")
        _judge_graft(_numbers(given), before, random, keep, donor.stage_names)
        with torch.no_grad():
            for tensor in given.state_dict().values():
                tensor.add_(1)
        if any(not torch.equal(now, before[name]) for name, now in _numbers(donor).items()):
            raise Wrong("The two networks share their stages: whoever trains one changes the donor. Copy the numbers.")
    return "Statistics and all. Two lines, and the whole experiment is made of them."


def _numbers(network: Backbone) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _judge_graft(
    given: dict[str, torch.Tensor],
    donor: dict[str, torch.Tensor],
    fresh: dict[str, torch.Tensor],
    keep: int,
    stages: list[str],
) -> None:
    if given["head.weight"].shape != fresh["head.weight"].shape:
        raise Wrong("The head is the donor's. It knows the donor's classes: leave the fresh one on.")
    for place, stage in enumerate(stages):
        own = [name for name in given if name.startswith(f"stages.{stage}.")]
        taken = [name for name in own if torch.equal(given[name], donor[name])]
        if place >= keep:
            if any(not torch.equal(given[name], fresh[name]) for name in own):
                raise Wrong(
                    f"Of n = {keep} stages to keep, {stage} is not one, but it is no longer as it was in fresh."
                )
            continue
        missing = [name for name in own if name not in taken]
        if missing and all("running" in name for name in missing):
            raise Wrong(f"The weights of {stage} are the donor's, its BatchNorm statistics are not. They belong to it.")
        if missing:
            raise Wrong(f"{stage} is one of the first n = {keep} stages, but it is not the donor's.")
    if not torch.equal(given["head.weight"], fresh["head.weight"]):
        raise Wrong("The head is no longer that of fresh. Only the first n stages are copied.")


# ------------------------------------------------------------------------------------------ 11.2


@exercise(
    "11.2",
    "one drop, two reasons",
    "BnB has B's own features: what it lacks against the base, splitting took away.",
    "AnB is split at the same place. What it lacks against BnB, the features lack.",
    "Both differences are means over the same seeds: (base - bnb).mean() is the first.",
)
def _reasons(answer: object) -> str:
    random = np.random.default_rng(112)
    for seeds in (3, 5, 4):
        base, own, other = (m + random.normal(0, 0.02, seeds) for m in random.uniform(0.3, 0.9, 3))
        split, features = (base - own).mean(), (own - other).mean()
        given = as_array(call(answer, base.copy(), own.copy(), other.copy()), (2,), "(co-adaptation, specificity)")
        if np.allclose(given, (split, features)):
            continue
        if np.allclose(given, (features, split)):
            raise Wrong("The two are exchanged: co-adaptation comes first.")
        if np.allclose(given, (-split, -features)):
            raise Wrong("The signs are turned round. A loss is a number above 0.")
        if np.isclose(given[1], split + features):
            raise Wrong("Your specificity is base minus AnB: that is the whole drop, with what splitting costs in it.")
        if not np.isclose(given[0], split):
            raise Wrong(
                f"Co-adaptation is {points(given[0])}, but should be {points(split)}: which network is only split?"
            )
        raise Wrong(
            f"Specificity is {points(given[1])}, but should be {points(features)}: what differs in the features only?"
        )
    return "They add up to the whole drop, base minus AnB. Without BnB nobody could tell them apart."


# ------------------------------------------------------------------------------------------ 11.3


@exercise(
    "11.3",
    "without the control",
    "They see a drop where the mean of base - AnB is above 0. The column is the cut: axis=0 averages over the seeds.",
    "They are mistaken where, besides, the mean of BnB - AnB is not above 0.",
    "np.flatnonzero(condition) gives the places where a condition holds.",
)
def _without_control(answer: object) -> str:
    random = np.random.default_rng(113)
    for seeds, cuts in ((3, 7), (5, 7), (4, 4), (3, 9)):
        base = random.uniform(0.6, 0.8, seeds)
        own = base[:, None] - random.uniform(-0.03, 0.2, cuts) + random.normal(0, 0.01, (seeds, cuts))
        other = own - random.uniform(-0.15, 0.15, cuts) + random.normal(0, 0.01, (seeds, cuts))
        drop, features = (base[:, None] - other).mean(0) > 0, (own - other).mean(0) > 0
        given = call(answer, base.copy(), own.copy(), other.copy())
        try:
            found = {int(cut) for cut in np.atleast_1d(np.asarray(given))}
        except (TypeError, ValueError) as error:
            raise Wrong(
                f"The numbers of cuts were expected, 0 for the first, but a {type(given).__name__} came back."
            ) from error
        _judge_mistaken(found, drop, features)
    return "They would have blamed the features, and only the splitting was to blame."


def _judge_mistaken(found: set[int], drop: np.ndarray, features: np.ndarray) -> None:
    def places(condition: np.ndarray) -> set[int]:
        return set(np.flatnonzero(condition).tolist())

    expected = places(drop & ~features)
    if found == expected:
        return
    if found == places(drop):
        raise Wrong("These are all the cuts where they see a drop. At some of them they are right.")
    if found == places(drop & features):
        raise Wrong("At these cuts they are right: A's features do worse than B's own.")
    if found == places(~features):
        raise Wrong("At some of these they see no drop at all, and so do not call A's features specific.")
    raise Wrong(f"It names the cuts {sorted(found)}, but they are mistaken at {sorted(expected)}.")
