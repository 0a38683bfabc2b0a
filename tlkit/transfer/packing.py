"""What of a classifier goes into a file of tensors, and how it comes back from there."""

import json
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from tlkit import __version__
from tlkit.data.depths import Reading
from tlkit.disk.cache import digest
from tlkit.nets.backbone import Backbone
from tlkit.nets.backbones import backbone_names, load_backbone
from tlkit.transfer import standalone
from tlkit.transfer.classifier import Classifier
from tlkit.transfer.features import BESIDE, read_stages
from tlkit.transfer.probes import PROBES, LinearRule

__all__: list[str] = []

_RULE = ("mean", "scale", "coef", "intercept", "classes")


def pack(classifier: Classifier, weights: str) -> tuple[dict[str, Tensor], dict]:
    """The tensors to keep, in a file called ``weights``, and what the card says of them.

    Raises
    ------
    ValueError
        For a backbone that nobody could load again.
    """
    _same_layers(classifier.backbone)
    tensors, facts = _pack_probe(classifier) if classifier.rules else _pack_network(classifier, weights)
    if classifier.reading is not None:  # tables have no place on a flat card
        facts["reading"] = json.dumps(asdict(classifier.reading))
    return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, facts


def unpack(folder: str, card: dict, tensors: dict[str, Tensor], device: str) -> Classifier:
    """The classifier that was packed; ValueError if card and tensors do not belong together."""
    size, names = card["image_size"], card["class_names"]
    odd = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if odd:
        raise ValueError(f"The weights of {folder} hold numbers that are none (NaN or infinite), in {odd[0]!r}.")
    size = tuple(size) if isinstance(size, list) else (size, size)
    reading = _reading(folder, card)
    if card.get("kind", "network") == "network":
        network = _unpack_network(folder, card, tensors, device)
        network.class_names = tuple(names)
        return Classifier(network, names, size, card=card, reading=reading)
    backbone, rule = _unpack_probe(folder, card, tensors, device)
    return Classifier(backbone, names, size, card["stage"], {card["stage"]: rule}, card, reading)


def _reading(folder: str, card: dict) -> Reading | None:
    try:
        return Reading(**json.loads(card["reading"])) if "reading" in card else None
    except (TypeError, ValueError, RecursionError) as error:
        said = card["reading"]
        raise ValueError(f"The card of {folder} does not say how photos are read, but: {said}.") from error


def _same_layers(backbone: Backbone) -> None:
    """Refuse a backbone that could not be built again by its name."""
    if backbone.name not in backbone_names():
        raise ValueError(
            f"{backbone.name} is a backbone of your own: load_backbone has none of that name, so nobody could load it "
            "again.\nKeep its weights and the program that builds it; safetensors.torch.save_file writes them."
        )
    stages = standalone.stages_of(backbone.name)
    if _layers(stages) != _layers(backbone.stages):
        raise ValueError(
            f"This {backbone.name} has other layers than the one that load_backbone gives, so nobody could load it "
            "again.\nKeep its weights and the program that builds it; safetensors.torch.save_file writes them."
        )


def _layers(stages: torch.nn.ModuleDict) -> tuple:
    return str(stages), [(name, tensor.shape) for name, tensor in stages.state_dict().items()]


# ---------------------------------------------------------------------------------- networks


def _pack_network(classifier: Classifier, weights: str) -> tuple[dict[str, Tensor], dict]:
    network = classifier.backbone
    trained = [name for name, stage in network.stages.items() if any(p.requires_grad for p in stage.parameters())]
    fit = (classifier.reading or Reading()).fit
    facts = {
        "stages_trained": [*trained, "head"],
        "without_tlkit": standalone.code(network, classifier.class_names, classifier.size, weights, fit),
    }
    return standalone.to_torchvision(network.name, network.state_dict()), facts


def _unpack_network(folder: str, card: dict, tensors: dict[str, Tensor], device: str) -> Backbone:
    name = card["backbone"]
    network = load_backbone(name, pretrained=False, device=device).new_head(len(card["class_names"]))
    try:
        mean, std = (torch.tensor(card[key], dtype=torch.float32).view(1, 3, 1, 1) for key in ("mean", "std"))
        network.load_state_dict(standalone.from_torchvision(name, tensors, mean, std))
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"The weights of {folder} do not fit a {name}.") from error
    return network.eval()


# ------------------------------------------------------------------------------------- probes


def _pack_probe(classifier: Classifier) -> tuple[dict[str, Tensor], dict]:
    """The probe that val chose; its tensors carry the name of its stage, so that no card can name another."""
    backbone, stage = classifier.backbone, classifier.stage
    found = _digest(backbone)
    try:
        usual = _digest(load_backbone(backbone.name, device="cpu"))
    except ConnectionError:  # then these weights came from somewhere else
        usual = ""
    if found != usual:
        raise ValueError(
            f"This {backbone.name} has other weights than load_backbone({backbone.name!r}) gives, and a probe is saved "
            "without its backbone.\nProbe the backbone by its name, or save the result of two_phase."
        )
    rule = classifier.rules[stage]
    tensors = {f"{stage}.{name}": torch.from_numpy(np.asarray(getattr(rule, name))) for name in _RULE}
    how = "not possible: a probe reads a stage of its backbone; tlkit.load_model gives it back"
    facts = {"stage": stage, "relu": True, "grid": 1, "backbone_digest": found, "without_tlkit": how}
    return tensors, facts


def _unpack_probe(folder: str, card: dict, tensors: dict[str, Tensor], device: str) -> tuple[Backbone, LinearRule]:
    absent = {"stage", "backbone_digest", "relu", "grid"} - set(card)
    if absent:
        raise ValueError(f"The card of {folder} does not say: {', '.join(sorted(absent))}.")
    if card["kind"] not in PROBES or (card["relu"], card["grid"]) != (True, 1):
        raise ValueError(f"The card of {folder} describes a probe that this tlkit, {__version__}, does not know.")
    stage = card["stage"]
    if set(tensors) != {f"{stage}.{part}" for part in _RULE}:
        raise ValueError(f"The weights of {folder} are not those of a probe of {stage}, which its card describes.")
    backbone = load_backbone(card["backbone"], device=device)
    if _digest(backbone) != card["backbone_digest"]:
        raise ValueError(
            f"{folder} reads other weights of {backbone.name} than are here, so its numbers mean nothing on these.\n"
            f"It was made with {card.get('made_with', 'versions that it does not name')}. Train it anew here."
        )
    rule = LinearRule(card["kind"], *(tensors[f"{stage}.{part}"].numpy() for part in _RULE))
    known = set(stage.split(BESIDE)) <= set(backbone.stages)
    if not known or not rule.fits(_width(backbone, stage), len(card["class_names"])):
        raise ValueError(f"The probe of {folder} is damaged: its numbers do not fit {stage} and the class names.")
    return backbone, rule


def _width(backbone: Backbone, stage: str) -> int:
    """How many features the stage gives."""
    blank = torch.zeros(1, 3, backbone.image_size, backbone.image_size, dtype=torch.uint8)
    return read_stages(backbone, blank, [stage], keep=False)[0][stage].shape[1]


def _digest(backbone: Backbone) -> str:
    """A fingerprint of the weights below the head."""
    state = {name: tensor for name, tensor in backbone.state_dict().items() if not name.startswith("head.")}
    return digest(*(state[name] for name in sorted(state)))
