"""How transferable is each stage? The experiment of Yosinski et al. (2014) on the offline world.

Network A is the shipped backbone; network B is trained from scratch on the target, the *base*. Cut one of
them after a stage, keep the stages up to the cut, make those above random, and train on the target:

=========  =============================================================
``BnB``    the first n stages come from B and are frozen
``BnB+``   the same, but the copied stages are trained too
``AnB``    the first n stages come from A and are frozen
``AnB+``   the same, but the copied stages are trained too
=========  =============================================================

The base and every cut get the same pictures, the same epochs and the same rates.
"""

import torch

from tlkit import checks
from tlkit.data.splits import Split, load_dataset, painter_version
from tlkit.disk.cache import cached
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import load_backbone
from tlkit.nets.devices import pick_device, pick_precision
from tlkit.nets.freezing import freeze
from tlkit.study.places import STOPS
from tlkit.transfer.scoring import accuracy
from tlkit.transfer.training import train_network

__all__ = ["TREATMENTS", "graft", "recompute_cut"]

TREATMENTS = ("base", "BnB", "BnB+", "AnB", "AnB+")
PER_CLASS, EPOCHS = 50, 8
RATE, BATCH = 4e-3, 32  # those of ``from_scratch``, for everything
NETWORKS = 1  # raised when ``train_base`` makes another network of the same pictures and seed
COLUMNS = ("dataset", "treatment", "cut", "seed", "loss", "accuracy")
_AGAIN = 1_000  # added to a seed: what is random above a cut must not be the start that the base had


def graft(donor: Backbone, cut: str, classes: int, seed: int = 0) -> Backbone:
    """A network with copies of the donor's stages up to and including ``cut``; all above is random.

    Nothing is frozen yet: ``tlkit.freeze(network, cut)`` does that.
    """
    cut = checks.choose("stage", cut, donor.stages)
    network = load_backbone(donor.name, pretrained=False, seed=seed, device=str(donor.device))
    for name in donor.stage_names[: donor.stage_names.index(cut) + 1]:
        network.stages[name].load_state_dict(donor.stages[name].state_dict())
    return network.new_head(classes, seed)


def train_on(split: Split, network: Backbone, seed: int = 0, epochs: int = EPOCHS) -> float:
    """Train what is not frozen on the target; returns the mean training loss of the last epoch."""
    history = train_network(network, split.train, None, epochs, RATE, batch_size=BATCH, seed=seed, desc=split.name)
    return history.loss[-1]


def train_base(split: Split, seed: int = 0, epochs: int = EPOCHS, device: str = "auto") -> tuple[Backbone, float]:
    """Network B, trained from scratch on the target alone, and its last training loss."""
    network = load_backbone(pretrained=False, seed=seed, device=device).new_head(len(split.class_names), seed)
    return network, train_on(split, network, seed, epochs)


def recompute_cut(
    dataset: str,
    treatment: str,
    cut: str = "",
    seed: int = 0,
    per_class: int = PER_CLASS,
    epochs: int = EPOCHS,
    device: str = "auto",
) -> dict:
    """One network of the experiment, trained now and here: a row with its loss and its test accuracy.

    The base network of a target is trained once and kept in the cache. Nothing is chosen in this
    experiment, so val is not looked at, and test is opened once for each network.
    """
    checks.choose("target dataset", dataset, STOPS)
    checks.choose("treatment", treatment, TREATMENTS)
    split = load_dataset(dataset, per_class, seed)
    if treatment == "base":
        cut = ""
        network, loss = _base(split, epochs, device)
    else:
        donor = load_backbone(device=device) if treatment.startswith("A") else _base(split, epochs, device)[0]
        network = graft(donor, cut, len(split.class_names), seed + _AGAIN)
        if not treatment.endswith("+"):
            freeze(network, cut)
        loss = train_on(split, network, seed + _AGAIN, epochs)
    reached = accuracy(network, split.test)
    values = (dataset, treatment, cut, seed, round(loss, 4), round(reached, 4))
    return dict(zip(COLUMNS, values))


def _base(split: Split, epochs: int, device: str) -> tuple[Backbone, float]:
    """The base network and its loss, from the cache or trained now."""

    def make() -> dict[str, torch.Tensor]:
        network, loss = train_base(split, split.seed, epochs, device)
        return network.state_dict() | {"loss": torch.tensor(loss)}

    where = pick_device(device)
    numbers = f"{where.type}-{pick_precision(where)}".replace("torch.", "")
    made_with = f"{painter_version()}-networks{NETWORKS}-{numbers}-{RATE:g}-{BATCH}"
    key = f"base-{split.name}-{split.per_class}-seed{split.seed}-{epochs}-{made_with}"
    state = dict(cached("networks", key, make))
    loss = state.pop("loss").item()
    network = load_backbone(pretrained=False, device=device).new_head(len(split.class_names))
    network.load_state_dict(state)
    return network.eval(), loss
