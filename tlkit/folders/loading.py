"""Your own pictures: a folder with one subfolder a class, a set that is cut into parts, a table, or a zip of these."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tlkit.data import photos
from tlkit.data.decoding import Squares
from tlkit.data.splits import Split, split_of
from tlkit.disk.spelling import few
from tlkit.folders import copies, layouts, looks
from tlkit.folders.from_path import reader
from tlkit.folders.given import absolute, check_given, listed
from tlkit.folders.groups import Groups, note_suspicion
from tlkit.folders.kept import Found, check_asked, classes_of, cut_of, each_once, note_parts, one_reading
from tlkit.folders.listing import FolderReport, Item
from tlkit.folders.part_names import PARTS

__all__ = ["FolderReport", "load_folder"]


def load_folder(
    path: str | Path | None = None,
    per_class: int | None = None,
    seed: int = 0,
    image_size: int = 224,
    quiet: bool = False,
    *,
    train: str | Path | None = None,
    val: str | Path | None = None,
    test: str | Path | None = None,
    labels: str | Callable[[str], str] | None = None,
    groups: Groups | None = None,
    fit: str = "crop",
    near_copies: bool = True,
) -> Split:
    r"""Make a split of your own pictures, stratified by class.

    A set that is cut already, by folders or a column called train, val and test in most languages,
    stays as it is: its val and test are taken whole, one that is missing is dealt from train, class
    by class, and the split's ``draw`` is None, because there is one cut. Otherwise the pictures are
    dealt by the seed.

    Every file is opened once to see whether it can be used; what can not is left out, and a report
    says why, and how everything was read. It is printed and is the split's ``report``. Of files with
    the same bytes one is kept, or none if they are in two classes; in two parts, the one in test, then
    that in val. Near-copies (saved again, scaled, cut by a few pixels, brighter, blurred or mirrored) are
    found and dealt to the same side, in every draw. A class that has too few pictures for the parts is left
    out. Pictures of 10 to 16 bits, or of floats, are scaled by one rule for the whole set. That rule and
    ``fit`` are ``split.reading``: what is trained on the split, and kept by ``save_model``, reads new photos
    in the same way.

    Parameters
    ----------
    path : str or Path
        A folder with one subfolder for each class; one with such folders for train, val and test; a
        table (CSV, TSV, JSON lines) with a column of files, relative to it, and one of labels; or a zip
        of any of these.
    per_class : int, optional
        Training pictures of each class at most; by default all that are not held out. About an
        eighth of each class is for val, and three eighths for test, fewer of large classes.
    seed : int
        How the pictures are dealt.
    image_size : int
        Height and width in pixels, 16 to 512: that of the backbone, ``backbone.image_size``.
    quiet : bool
        True prints no report.
    train, val, test : str or Path, optional
        Instead of ``path``: the folder, table or zip of each part. The subfolders of ``train`` are the
        classes, whatever they are called; val and test may lack some of them.
    labels : str or function, optional
        Where names carry the class, as in ``cat_7.jpg``: a regular expression with one bracket around it,
        ``r"(.+)_"``, or a function from a file's path, as text relative to the folder, to the class, None
        for a file without one. Folders called train, val and test stay parts. Of a table, the name of its column.
    groups : str, pattern or function, optional
        What belongs together, such as all pictures of one patient, speaker, leaf or film: no group is ever on two
        sides of the split. ``"folders"``: the folders below the classes. A column of the table. A regular expression
        with one bracket, searched for in the path of each file, as ``r"patient([0-9]+)"``; or a function of that path,
        which is relative to ``path``. The same name in two classes is the same group. The parts carry the groups.
    fit : {"crop", "pad", "squash"}
        How a picture becomes a square: its middle, as ImageNet's networks are tested; the whole
        picture between borders in the colour of its edges; or the whole picture, stretched. The report
        says how much ``"crop"`` leaves out where it is more than a quarter of the area.
    near_copies : bool
        False does not look for them: versions of one photo may lie on two sides, and flatter the test.

    Raises
    ------
    ValueError
        If there is no such folder, fewer than two classes with pictures enough, folders that may be
        parts or classes, parts that share no class, or a zip that is damaged, writes outside of its
        folder, names files there or holds far more than its size promises (``TLKIT_LIMITS=10`` raises all limits).
    OSError
        If the disk has no room for the decoded pictures.
    """
    check_asked(per_class, seed, image_size, fit, quiet=quiet, near_copies=near_copies)
    if groups is not None and not isinstance(groups, str):
        reader("groups", groups)
    given = {part: absolute(one) for part, one in zip((None, *PARTS), (path, train, val, test)) if one is not None}
    check_given(given)
    report = FolderReport()
    base, items = listed(given, report, labels, groups)
    with Squares(_wanted(len(items), per_class, image_size, fit, near_copies), len(items)) as squares:
        found = _usable(base, items, report, squares)
        found, reading = one_reading(found, fit, report)
        names, numbers, kept = classes_of(found, report)
        cut = cut_of(kept)
        if len(names) < 2:
            if not quiet:
                print(report)
            raise _too_few(next(iter(given.values())), base, names, report, cut)
        alike = copies.copies_among(kept, image_size, reading, squares.reader) if near_copies else None
        how = per_class, seed, groups is not None, cut, report
        rows, together = copies.deal_kept(kept, alike, numbers, names, *how)
        if groups is None:
            note_suspicion([item for item, _ in kept], report)
        note_parts(kept, rows, numbers, names, report)
        report.notes += looks.describe_cut([seen for _, seen in kept]) if fit == "crop" else []
        if not quiet:
            print(report)
        files, keys = [item.path for item, _ in kept], [seen.checksum for _, seen in kept]
        collection = photos.Collection(
            names, numbers, photos.taker(files, keys, image_size, reading, squares.reader(reading)), reading, together
        )
        first = given.get(None, given.get("train"))
        about = dict(labels=labels, groups=groups, fit=fit, near_copies=near_copies)
        same = dict(image_size=image_size, quiet=True, train=given.get("train"), **about)
        again = partial(load_folder, given.get(None), per_class, **same)
        return split_of(collection, first.stem, per_class, seed, None if cut else again, report, rows)


def _wanted(count: int, per_class: int | None, size: int, fit: str, near_copies: bool) -> list[tuple[int, str]]:
    """What is made of a file while it is looked at: what a split is sure to take, and what near-copies look like."""
    sure = per_class is None or count * 3 * size**2 <= photos.WHOLE
    return [(size, fit)] * sure + [copies.looked_at(count, size, fit)] * near_copies


def _usable(base: Path, items: Sequence[Item], report: FolderReport, squares: Squares) -> Found:
    """The files that can be used, each once, with the names of their classes; the rest goes to the report."""
    found = each_once(list(zip(items, looks.look_at([item.path for item in items], base, squares))), report)
    pages = [item.name for item, seen in found if seen.pages]
    if pages:
        report.notes.append(f"Of files with several pages or frames the first is read: {few(pages, 3)}.")
    return found


def _too_few(path: Path, base: Path, names: list[str], report: FolderReport, cut: dict | None) -> ValueError:
    enough = "with pictures enough for the parts that are dealt" if cut else "of three pictures or more"
    example = next((f"{name}: {why}" for name, why in report.left_out.items()), "nothing")
    return ValueError(
        f"{path} has too few classes {enough} ({len(names)}); a classifier needs at least two.\n"
        f"{layouts.nearest(base)}\n"
        f"Left out were {len(report.left_out)}: {example}."
    )
