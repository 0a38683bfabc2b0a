"""Is this machine ready for the course? Every problem comes with a line that mends it."""

import shutil
import sys
from importlib.metadata import PackageNotFoundError, version

__all__ = ["check_environment"]

# The oldest versions that the tests were run with; the same numbers stand in requirements.txt.
OLDEST = {
    "torch": "2.4",
    "torchvision": "0.19",
    "pillow": "10.1",
    "numpy": "1.26",
    "scikit-learn": "1.5",
    "matplotlib": "3.8",
    "ipywidgets": "7.7.1",
    "safetensors": "0.4",
    "filelock": "3.12",
    "platformdirs": "3.10",
    "tqdm": "4.66",
    "joblib": "1.5",
    "scipy": "1.11",
}
if sys.version_info < (3, 11):
    OLDEST["tomli"] = "2.0"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("+")[0].split(".")[:3] if part.isdigit())


def _package_problem(name: str, oldest: str) -> str | None:
    mend = f'Run in a cell: %pip install "{name}>={oldest}" and restart the kernel.'
    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed. {mend}"
    return None if _numbers(found) >= _numbers(oldest) else f"{name} is {found}, older than {oldest}. {mend}"


def _machine_problems() -> list[str]:
    # Imported only now: these need the packages that were checked first.
    from tlkit.nets.backbones import BACKBONES, load_backbone

    problems = _cache_problems()
    for name in BACKBONES:
        try:
            load_backbone(name, device="cpu")
        except ValueError as error:
            problems.append(str(error))
    return problems


def _cache_problems() -> list[str]:
    from tlkit.disk.cache import cache_folder, cache_problem, shared_folder
    from tlkit.disk.locks import has_locks

    problems = []
    try:
        shared_folder()
    except OSError as error:
        problems.append(str(error))
    if problem := cache_problem():
        return [*problems, problem]
    folder = cache_folder()
    free = shutil.disk_usage(folder).free / 2**30
    if free < 1:
        problems.append(f"Only {free:.1f} GB are free in {folder}. Set TLKIT_CACHE to a folder elsewhere.")
    if not has_locks(folder):
        problems.append(
            f"The file system of {folder} has no locks. The course works; if a kernel dies there, it may leave a file\n"
            "NAME.held for which others wait. Better set TLKIT_CACHE to a folder on a disk of this machine."
        )
    return problems


def check_environment() -> bool:
    """Check the packages, the cache folder, the device and the weights; print what to mend.

    Returns
    -------
    bool
        True if everything is as it should be.
    """
    problems = [problem for name, oldest in OLDEST.items() if (problem := _package_problem(name, oldest))]
    problems = problems or _machine_problems()
    for problem in problems:
        print("To mend:", problem)
    if not problems:
        from tlkit.nets.devices import pick_device
        from tlkit.nets.efficientnet import NAME, weights_file

        python = ".".join(map(str, sys.version_info[:3]))
        print(f"Ready: Python {python}, {len(OLDEST)} packages, the weights and the cache are as they should be.")
        pick_device()
        if weights_file() is None:  # as on Colab: no lesson fails without
            print(f"Not here: the ImageNet weights of {NAME}. For lesson 08 on photos: tlkit.fetch({NAME!r})")
    return not problems
