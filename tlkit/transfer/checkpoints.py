"""Checkpoints: a training that was interrupted goes on, on the same pictures with the same settings, or not at all."""

import hashlib
import weakref
import zipfile
from pathlib import Path

import torch

from tlkit import checks
from tlkit.data.splits import ImageSet
from tlkit.disk.cache import check_room, digest, place_for, write_atomically
from tlkit.disk.tables import digest_rows
from tlkit.nets.backbone import Backbone

__all__: list[str] = []

# Whoever runs the cell of an interrupted training again hands over the network that has moved on since.
_began: "weakref.WeakKeyDictionary[Backbone, str]" = weakref.WeakKeyDictionary()


def place(checkpoint: str | Path | None) -> Path | None:
    """The file as a path in a folder that is there; raises ValueError where no file can lie."""
    if checkpoint is None:
        return None
    path = checks.path("checkpoint", checkpoint)
    place_for(path, "checkpoint")
    return path


def about(path: Path, network: Backbone, train: ImageSet, val: ImageSet | None) -> dict[str, str | int]:
    """What a checkpoint belongs to: fingerprints of the network as it begins and of the pictures; what is frozen."""
    parts = [f"{name}{tuple(tensor.shape)}" for name, tensor in network.stages.state_dict().items()]
    layers = hashlib.blake2b("/".join(parts).encode(), digest_size=8).hexdigest()
    if not path.exists() or network not in _began:
        _began[network] = digest(*network.state_dict().values())
    return {
        "backbone": network.name,
        "classes of the head": network.head.out_features,
        "frozen stages": ", ".join(network.frozen_stages) or "none",
        "layers": layers,
        "starting weights": _began[network],
        "training pictures": _fingerprint(train),
        "val pictures": _fingerprint(val) if val is not None else "none",
    }


def _fingerprint(part: ImageSet) -> str:
    return f"{len(part)}, {digest_rows(part.images)[:8]}{digest(part.labels)[:8]}"


def done(path: Path, network: Backbone) -> None:
    """Remove the checkpoint of a run that came to its end."""
    path.unlink(missing_ok=True)
    _began.pop(network, None)


def keep(path: Path, parts: dict, history: dict, best: dict, settings: dict) -> str:
    """Write everything that going on needs; returns why it could not be written, "" if it was."""
    state = {name: part.state_dict() for name, part in parts.items()}
    state |= {"history": history, "best": best, "settings": settings}
    try:
        check_room(path.parent, _bytes_in(state), f"The checkpoint {path.name}")
        write_atomically(path, lambda part: torch.save(state, part))
    except (OSError, RuntimeError) as error:
        # torch's own words for a full disk are those of a failed assertion in C++.
        why = str(error).partition("\n")[0] if isinstance(error, OSError) else "a quota, or the disk, is full"
        kept = "An older one stays." if path.exists() else "If it is interrupted, it begins anew."
        return f"Could not keep the checkpoint {path} ({why}); training goes on without. {kept}"
    return ""


def _bytes_in(state: object) -> int:
    """What the tensors of a state take."""
    if isinstance(state, torch.Tensor):
        return state.nbytes
    values = state.values() if isinstance(state, dict) else state if isinstance(state, (list, tuple)) else ()
    return sum(map(_bytes_in, values))


def read(path: Path, settings: dict, where: torch.device) -> dict:
    """What ``keep`` wrote; ValueError if the file is damaged, or belongs to a run with other settings."""
    try:
        with zipfile.ZipFile(path) as parts:
            if damaged := parts.testzip():  # torch reads past a flipped bit in silence
                raise ValueError(f"the checksum of {damaged} does not match")
        state = torch.load(path, weights_only=True, map_location=where)
        known = dict(state["settings"])
        missing = {"network", "optimizer", "schedule", "scaler", "history", "best"} - set(state)
    except Exception as error:  # torch raises many kinds for a file that is cut short
        raise ValueError(f"The checkpoint {path} is damaged. Delete it, and training starts anew.") from error
    other = [
        f"{name} ({known.get(name, 'not said')} there, {value} here)"
        for name, value in settings.items()
        if known.get(name, "not said") != value
    ]
    if other or missing:
        what = "; ".join(other) or "it lacks " + ", ".join(sorted(missing))
        raise ValueError(
            f"The checkpoint {path} belongs to another run: {what}.\n"
            "Delete it to start anew, or use the same pictures, network and settings to go on."
        )
    return state
