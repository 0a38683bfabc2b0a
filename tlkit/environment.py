"""Is this machine ready for the course? Every problem comes with a line that mends it."""

import importlib
import shutil
import sys

from tlkit.backbones import BACKBONES, load_backbone, pick_device
from tlkit.cache import cache_folder

__all__ = ["check_environment"]

# The oldest versions the course is tried on; the same numbers stand in requirements.txt.
OLDEST = {
    "torch": "2.4",
    "torchvision": "0.19",
    "numpy": "1.26",
    "sklearn": "1.5",
    "matplotlib": "3.8",
    "ipywidgets": "7.7.1",
    "safetensors": "0.4",
    "filelock": "3.12",
    "platformdirs": "3.10",
    "tqdm": "4.66",
}
_PACKAGE = {"sklearn": "scikit-learn"}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdigit())


def _package(name: str, oldest: str) -> str | None:
    install = f'run in a terminal: python -m pip install "{_PACKAGE.get(name, name)}>={oldest}"'
    try:
        found = importlib.import_module(name).__version__
    except ImportError:
        return f"{name} is not installed; {install}"
    return None if _numbers(found) >= _numbers(oldest) else f"{name} is {found}, older than {oldest}; {install}"


def check_environment() -> bool:
    """Check Python, the packages, the cache folder, the device and the weights; print what to mend.

    Returns
    -------
    bool
        True if everything is there.
    """
    problems = [problem for name, oldest in OLDEST.items() if (problem := _package(name, oldest))]
    try:
        free = shutil.disk_usage(cache_folder()).free / 2**30
        if free < 1:
            problems.append(
                f"only {free:.1f} GB are free for the cache in {cache_folder()}; "
                "set TLKIT_CACHE to a folder on another disk"
            )
    except OSError as error:
        problems.append(str(error))
    for name in BACKBONES:
        try:
            load_backbone(name, device="cpu")
        except ValueError as error:
            problems.append(str(error))
    for problem in problems:
        print("To mend:", problem)
    if not problems:
        version = ".".join(map(str, sys.version_info[:3]))
        print(f"Ready: Python {version}, {len(OLDEST)} packages, the weights and the cache are as they should be.")
        pick_device()
    return not problems
