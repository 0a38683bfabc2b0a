"""Photo sets and ImageNet weights, fetched by name ahead of class and kept."""

from collections.abc import Callable, Collection, Sequence

from tlkit import checks, course

__all__ = ["fetch", "is_here", "real_or_offline"]


def fetch(*names: str) -> None:
    """Download photo sets and ImageNet backbones ahead of class; each is done when this says so.

    What is already there is not fetched again, and no network is needed to find out. Where one fails,
    the others are tried all the same.

    Parameters
    ----------
    names : str
        Photo sets (``"flowers17"``) and backbones of ImageNet (``"squeezenet1_1"``).

    Raises
    ------
    ValueError
        For a name that can not be fetched, before anything is.
    ConnectionError
        If one could not be fetched; says which are here, which are missing, and why the first of them is.
    """
    steps = {name: _step(name) for name in names}
    failed = {}
    for name, step in steps.items():
        try:
            step()
        except (OSError, ValueError) as error:
            failed[name] = error
    if failed:
        first = next(iter(failed.values()))
        raise ConnectionError(_what_is_missing(first, failed, set(steps) - set(failed))) from first


def _what_is_missing(first: Exception, missing: Collection[str], here: Collection[str]) -> str:
    """Three lines at most: why the first failed, what to do, and how things stand."""
    # What download said is nearer to the network than what was said of it later.
    why, *then = str(first.__cause__ if isinstance(first.__cause__, ConnectionError) else first).splitlines()
    complete = f" Here: {', '.join(sorted(here))}." if here else ""
    stand = f"Missing: {', '.join(missing)}.{complete} Until all are here, lessons run without photos."
    return "\n".join(filter(None, [why, " ".join(then), stand]))


def _step(name: str) -> Callable[[], None]:
    from tlkit.data import photo_sets, photos
    from tlkit.nets import efficientnet, weights

    if isinstance(name, str) and name in photo_sets.PHOTO_SETS:
        return lambda: photos.fetch(name)
    if _choose(name) == efficientnet.NAME:
        return efficientnet.fetch
    return lambda: weights.fetch_weights(name)


def fetch_or_list(names: Sequence[str] = (), all_for: str | None = None, show_list: bool = False) -> None:
    """The command ``python -m tlkit fetch``: list what there is, or fetch names and what a lesson needs."""
    if show_list:
        _print_list()
        return
    names = [*names, *(_needs(all_for) if all_for else [])]
    if not names and not all_for:
        raise ValueError("Say what to fetch: names, or --all-for LESSON. See what there is with --list.")
    if not names:
        print(f"Lesson {all_for} needs nothing from the network.")
    fetch(*names)


def _needs(lesson: str) -> list[str]:
    """What the metadata of a lesson says that it can use from the network."""
    return [name for path in course.lessons([lesson]) for name in course.can_fetch(path)]


def _print_list() -> None:
    from tlkit.data import photo_sets, photos
    from tlkit.nets import efficientnet, zoo

    what = {efficientnet.NAME: "comes with the installation"}
    for name in photo_sets.PHOTO_SETS:
        about = photos.card(name)
        what[name] = f"{about['images']:,} pictures, {about['classes']} classes: {about['title']}"
    for name in (*photo_sets.PHOTO_SETS, efficientnet.NAME, *zoo.names()):
        here = "here" if _is_here(name) else "-"
        print(f"{name:20} {megabytes(name):6,.0f} MB  {here:4}  {what.get(name, '')}".rstrip())


def megabytes(name: str) -> float:
    """What fetching a photo set or a backbone moves over the network."""
    from tlkit.data import photo_sets, photos
    from tlkit.nets import efficientnet, zoo

    if name in photo_sets.PHOTO_SETS:
        return photos.card(name)["megabytes"]
    return efficientnet.MEGABYTES if name == efficientnet.NAME else zoo.weights_of(name).meta["_file_size"]


def is_here(*names: str) -> bool:
    """Whether all of these photo sets and backbones are complete; asks no network.

    Raises
    ------
    ValueError
        For a name that can not be fetched.
    """
    return all(_is_here(name) for name in names)


def _is_here(name: str) -> bool:
    from tlkit.data import photo_sets, photos
    from tlkit.nets.backbones import weights_are_here

    is_set = isinstance(name, str) and name in photo_sets.PHOTO_SETS
    return photos.is_here(name) if is_set else weights_are_here(_choose(name))


def _choose(name: str) -> str:
    from tlkit.data import photo_sets
    from tlkit.nets import efficientnet, zoo

    return checks.choose(
        "photo set or backbone to fetch", name, [*photo_sets.PHOTO_SETS, efficientnet.NAME, *zoo.names()]
    )


def real_or_offline(dataset: str, backbone: str) -> tuple[str, str]:
    """The real pair if it is here; else what every machine has. Says which, and what to fetch.

    Without the photos the real network takes ``"digits"``, real scans that come with scikit-learn. Without
    the network it is the offline pair ``("flowers", "minivgg")``. So the same lesson runs everywhere.
    """
    missing = [name for name in (dataset, backbone) if not is_here(name)]
    if not missing:
        print(f"On {dataset}, with {backbone} from ImageNet.")
        return dataset, backbone
    quoted = ", ".join(f'"{name}"' for name in missing)
    found = ("flowers", "minivgg") if backbone in missing else ("digits", backbone)
    on = "drawn pictures" if backbone in missing else f"real scans of digits, with {backbone} from ImageNet"
    print(f"On {on}. For {dataset}, fetch once and run again: tlkit.fetch({quoted})")
    return found
