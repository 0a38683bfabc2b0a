"""Files of weights: fetched from ImageNet's zoo, read without running code, put into the network they belong to."""

import functools
import hashlib
import re
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from tlkit import checks
from tlkit.disk import download
from tlkit.disk.cards import read_card

__all__: list[str] = []


def fetch_weights(name: str, quiet: bool = False) -> None:
    """Download the ImageNet weights of a torchvision model to where torchvision's own loader finds them.

    Raises
    ------
    ConnectionError
        If they can not be fetched; says what works without network.
    """
    from tlkit.nets import zoo  # torchvision takes a second to import, and minivgg can do without

    path = zoo.weights_file(name)
    megabytes = zoo.weights_of(name).meta["_file_size"]
    said = f"{name}: already here."
    if not path.exists():
        if not download.is_offline():
            print(f"{name}: fetching {megabytes:.0f} MB of ImageNet weights, once.")
        try:
            download.download([zoo.weights_of(name).url], path, _checksum_in(path))
        except ConnectionError as error:
            raise ConnectionError(
                f"The ImageNet weights of {name} ({megabytes:.0f} MB) are not here and can not be fetched now.\n"
                f"With network: python -m tlkit fetch {name}. Without: minivgg, or load_backbone(..., weights=FILE)."
            ) from error
        said = f"{name}: the weights are here."
    if not quiet:
        print(said)


def read_fetched(name: str) -> dict[str, Tensor]:
    """The ImageNet weights of a torchvision model, from the file that lies where torchvision keeps it.

    Anybody may have put it there (``TORCH_HOME`` is often shared), and torchvision's own loader would run what is
    in it, and checks only what it has downloaded itself.

    Raises
    ------
    ValueError
        If it is not the file that was published.
    """
    from tlkit.nets import zoo

    path = zoo.weights_file(name)
    mend = f"Delete it, or point TORCH_HOME elsewhere, and run: python -m tlkit fetch {name}"
    return read_weights(published(path, _checksum_in(path), mend))


def published(path: Path, checksum: str, mend: str) -> Path:
    """Return ``path`` if the file has this checksum; else raise ValueError, with ``mend`` as its second line."""
    about = path.stat()
    if not _has_checksum(path, checksum, about.st_size, about.st_mtime_ns):
        raise ValueError(
            f"The weights file {path} is not the published one: it is damaged, of another version, or forged.\n{mend}"
        )
    return path


@functools.cache
def _has_checksum(path: Path, checksum: str, size: int, changed: int) -> bool:
    """Half a gigabyte takes a second to add up, so it is done once for each file and version in a session."""
    return download.is_right(path, checksum)


def _checksum_in(path: Path) -> str:
    """torchvision's file names end in the beginning of their checksum."""
    return f"sha256:{path.stem.rsplit('-', 1)[-1]}"


def put_weights(network: nn.Module, name: str, state: dict[str, Tensor]) -> None:
    """Load the tensors into the network, or raise ValueError if they belong to another one than ``name``."""
    # The published files of DenseNet are older than its layers' names: norm.1 is norm1 today.
    state = {re.sub(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)", r"\1", key): each for key, each in state.items()}
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in state.items() if isinstance(tensor, Tensor)}
    # Files older than PyTorch 0.4.1 do not count BatchNorm's batches; nothing depends on it.
    missing = [key for key in expected if key not in found and not key.endswith("num_batches_tracked")]
    wrong = [key for key in found if found[key] != expected.get(key)]
    if missing or wrong:
        example = wrong[0] if wrong else missing[0]
        raise ValueError(
            f"These weights do not belong to {name}: {len(missing)} tensors are missing, {len(wrong)} do not fit.\n"
            f"For example {example}: expected {expected.get(example, 'none')}, found {found.get(example, 'none')}."
        )
    network.load_state_dict(state, strict=False)


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """A file of weights that somebody gave; no code in it is run."""
    path = checks.path("weights", path)
    if not path.is_file():
        raise ValueError(f"There is no weights file {path}. You are in {Path.cwd()}.")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many kinds for a file that is none of theirs
        raise ValueError(
            f"{path.name} can not be read as weights: it is damaged, or holds more than tensors, which is refused.\n"
            "Save it again with torch.save(model.state_dict(), ...) or as safetensors."
        ) from error
    if not isinstance(state, dict):
        raise ValueError(f"{path.name} holds a {type(state).__name__}, but weights are a dict of tensors.")
    return state


def read_shipped(path: Path) -> dict[str, Tensor]:
    """Weights that come with the course, held against the checksum on their card."""
    again = f"Fetch the course again, or run: python -m tools pretrain --out {path.parent}"
    if not path.exists():
        raise ValueError(f"The weights {path.name} are missing from {path.parent}.\n{again}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != read_card(path.with_suffix(".toml"), ["sha256"])["sha256"]:
        raise ValueError(f"The weights file {path.name} is damaged: its checksum is not the one on its card.\n{again}")
    return safetensors.torch.load(content)
