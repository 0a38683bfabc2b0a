"""Freezing and thawing a backbone, and a learning rate for each of its parts."""

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
    return _freeze_first(backbone, backbone.stage_names.index(through) + 1)


def unfreeze(backbone: Backbone, last: int | None = None) -> Backbone:
    """Let the last ``last`` stages train again (default: all); the stages before them stay or become frozen.

    Returns the backbone itself.

    Raises
    ------
    ValueError
        If the backbone has fewer stages than that.
    """
    total = len(checks.instance("backbone", backbone, Backbone).stages)
    return _freeze_first(backbone, total - stages_to_unfreeze(backbone, last))


def stages_to_unfreeze(backbone: Backbone, last: int | None, name: str = "last") -> int:
    """``last`` as a number of stages that this backbone has; None means all."""
    total = len(backbone.stages)
    if last is not None and checks.count(name, last, 0) > total:
        raise ValueError(
            f"{backbone.name} has {total} stages, so the last {last} cannot be unfrozen. "
            f"Take 0 to {total}: {', '.join(backbone.stage_names)}."
        )
    return total if last is None else last


def _freeze_first(backbone: Backbone, count: int) -> Backbone:
    backbone.frozen = count
    for k, stage in enumerate(backbone.stages.values()):
        stage.requires_grad_(k >= count)
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
        Each stage further from the head gets this many times the rate of the one after it
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
    for name in reversed(backbone.stage_names[backbone.frozen :]):
        groups.append({"name": name, "params": list(backbone.stages[name].parameters()), "lr": rate})
        rate *= stage_decay
    return groups
