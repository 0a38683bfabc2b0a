"""Freezing and thawing a backbone, and a learning rate for each of its parts."""

from collections.abc import Collection, Sequence

from tlkit import checks
from tlkit.nets.backbone import Backbone

__all__ = ["freeze", "parameter_groups", "unfreeze"]


def freeze(backbone: Backbone, through: str | None = None) -> Backbone:
    """Freeze the stages up to and including ``through`` (default: all of them; never the head).

    Frozen means frozen: no gradients, and the BatchNorm statistics are fixed too, even after
    ``backbone.train()``. (Setting ``requires_grad`` alone leaves those statistics free to drift
    with every batch that passes; lesson 04 shows what that does.)

    Returns the backbone itself.
    """
    checks.instance("backbone", backbone, Backbone)
    through = checks.choose("stage", backbone.code_stage if through is None else through, backbone.stages)
    return _train_only(backbone, backbone.stage_names[backbone.stage_names.index(through) + 1 :])


def unfreeze(backbone: Backbone, last: int | None = None, stages: Sequence[str] | None = None) -> Backbone:
    """Let all stages train again, or the ``last`` few, or exactly ``stages``; all others stay or become frozen.

    A frozen stage behind one that trains passes the gradient on, and keeps its own weights and statistics.

    Parameters
    ----------
    last : int, optional
        So many stages before the head; with 0 the head alone is left to train.
    stages : list of str, optional
        Any of ``backbone.stage_names``: ``["conv1"]`` trains the first stage and the head. Which stages suit
        which change of the pictures: "surgical fine-tuning", Lee et al. (2023).

    Returns
    -------
    Backbone
        The backbone itself.

    Raises
    ------
    ValueError
        If the backbone has fewer stages than that, or none of that name; if both are given, or no stage is named.
    TypeError
        If ``stages`` is no list of names.
    """
    checks.instance("backbone", backbone, Backbone)
    return _train_only(backbone, stages_to_unfreeze(backbone, last, stages))


def stages_to_unfreeze(
    backbone: Backbone, last: int | None, stages: Sequence[str] | None, name: str = "last"
) -> list[str]:
    """The stages that are asked for, from early to late; neither a number nor names means all of them."""
    names = backbone.stage_names
    if last is not None and stages is not None:
        raise ValueError(f"Give {name} or stages, not both: {name}=2 is the two stages before the head.")
    if stages is not None:
        wanted = [checks.choose("stage", stage, names) for stage in checks.texts("stages", stages, fewest=0)]
        if not wanted:
            raise ValueError(f"stages names no stage. For the head alone write {name}=0; else: {', '.join(names)}.")
        return [stage for stage in names if stage in wanted]
    if last is not None and checks.count(name, last, 0) > len(names):
        raise ValueError(
            f"{backbone.name} has {len(names)} stages, so the last {last} cannot be unfrozen. "
            f"Take 0 to {len(names)}: {', '.join(names)}."
        )
    return names if last is None else names[len(names) - last :]


def _train_only(backbone: Backbone, stages: Collection[str]) -> Backbone:
    backbone.frozen_stages = tuple(name for name in backbone.stages if name not in stages)
    for name, stage in backbone.stages.items():
        stage.requires_grad_(name in stages)
    return backbone.train(backbone.training)  # sets the mode of every stage anew


def parameter_groups(
    backbone: Backbone, learning_rate: float, backbone_factor: float = 0.1, stage_decay: float = 1.0
) -> list[dict]:
    """One group for the head and one for each stage that is not frozen, for an optimizer.

    What is pretrained is nearly right and should move little; the new head is random and has to
    move far (the advice of the CS231n notes).

    Parameters
    ----------
    learning_rate : float
        The head's.
    backbone_factor : float
        The stages' learning rate is this many times the head's.
    stage_decay : float
        Each stage further from the head gets this many times the rate of the one after it, frozen or not
        (discriminative fine-tuning, Howard and Ruder 2018), above 0 to 1.

    Returns
    -------
    list of dict with ``name``, ``params`` and ``lr``, from the head down

    Raises
    ------
    ValueError
        For a rate or factor that is not a number above 0, or a decay above 1.
    """
    checks.instance("backbone", backbone, Backbone)
    checks.rate("learning_rate", learning_rate)
    checks.rate("backbone_factor", backbone_factor)
    if checks.rate("stage_decay", stage_decay) > 1:
        raise ValueError(f"stage_decay must be at most 1, but it is {stage_decay}.")
    groups = [{"name": "head", "params": list(backbone.head.parameters()), "lr": learning_rate}]
    rate = learning_rate * backbone_factor
    for name in reversed(backbone.stage_names):
        if name not in backbone.frozen_stages:
            groups.append({"name": name, "params": list(backbone.stages[name].parameters()), "lr": rate})
        rate *= stage_decay
    return groups
