"""The command line: ``python -m tlkit --help`` lists its commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from tlkit.course import check_folder

__all__ = ["main"]


_GOES_ON = ("fetch", "map", "pretrain", "rate-sweep", "transferability")  # where they were interrupted
_IN_THE_FOLDER = ("badges", "costs", "exercises", "html", "pictures", "rehearse")  # of the course, where they work
_HOME = {
    "badges": ("tools.badges", "badges"),
    "exercises": ("tools.notebooks", "exercises"),
    "fetch": ("tlkit.fetching", "fetch_or_list"),
    "html": ("tools.pages", "html"),
    "map": ("tlkit.study.survey", "run_map"),
    "pretrain": ("tools.pretraining", "pretrain"),
    "rate-sweep": ("tlkit.study.rate_sweep", "run_rate_sweep"),
    "rehearse": ("tools.rehearsal", "rehearse"),
    "transferability": ("tlkit.study.transferability", "run_transferability"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 a problem, 130 interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m tlkit", description="The transfer-learning course.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="download photo sets and ImageNet backbones ahead of class")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="for example flowers17 or squeezenet1_1")
    fetch.add_argument("--all-for", metavar="LESSON", help="everything that a lesson can use, for example 08")
    fetch.add_argument("--list", action="store_true", dest="show_list", help="what there is, with sizes")
    _add_map(commands)
    _add_transferability(commands)
    _add_rate_sweep(commands)
    pretrain = commands.add_parser("pretrain", help="train minivgg on a source, write its weights and its card")
    pretrain.add_argument("--source", default="atlas", help="atlas (default), or portraits: drawn people")
    pretrain.add_argument("--epochs", type=int, default=10)
    size = "training pictures of each class (default: 300 of atlas, 60 of portraits)"
    pretrain.add_argument("--per-class", type=int, help=size)
    pretrain.add_argument("--seed", type=int, default=0)
    pretrain.add_argument("--device", default="auto")
    pretrain.add_argument("--out", default=".", help="folder for weights and card (default: this one)")
    commands.add_parser("pictures", help="draw the contact sheets and the README's pictures")
    made = commands.add_parser("exercises", help="make the exercises of every lesson from lessons/solutions")
    made.add_argument("--check", action="store_true", help="change nothing, fail where a lesson differs")
    costs = commands.add_parser("costs", help="measure every lesson and write its cost card")
    costs.add_argument("numbers", nargs="*", metavar="NN", help="these lessons alone, for example 03")
    rehearse = commands.add_parser("rehearse", help="the evening before class: run every lesson without network")
    rehearse.add_argument("numbers", nargs="*", metavar="NN", help="these lessons alone, for example 03")
    rehearse.add_argument("--port", type=_port, default=8888, help="where JupyterLab will listen (default: 8888)")
    html = commands.add_parser("html", help="run the lessons and write them as static pages")
    html.add_argument("numbers", nargs="*", metavar="NN", help="these lessons alone, for example 03")
    html.add_argument("--out", default="site", help="folder for the pages (default: site)")
    badges = commands.add_parser("badges", help="write the Colab and Binder links of a fork into README and lessons")
    badges.add_argument("repository", nargs="?", metavar="OWNER/REPO", help="as on GitHub")
    badges.add_argument("--branch", default="main", help="the branch to open (default: main)")
    badges.add_argument("--remove", action="store_true", help="take the links out again")
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    # Imported here, so that --help answers at once.
    module, function = _HOME.get(command, ("tools.publish", command))
    try:
        if command in _IN_THE_FOLDER:
            check_folder(command)
        getattr(importlib.import_module(module), function)(**options)
    except KeyboardInterrupt:
        print("\nInterrupted.", "Run the same command again to go on." if command in _GOES_ON else "", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, but this is {text!r}")
    return int(text)


def _add_map(commands: argparse._SubParsersAction) -> None:
    """Only what is given is passed on: the defaults stand in ``run_map`` alone."""
    said = {"argument_default": argparse.SUPPRESS}
    parser = commands.add_parser("map", help="measure the decision map: every way at every size and similarity", **said)
    parser.add_argument("--out", help="the CSV file (default: decision_map.csv, here)")
    parser.add_argument("--datasets", nargs="+", metavar="NAME")
    parser.add_argument("--per-class", nargs="+", type=int, metavar="N")
    parser.add_argument("--ways", nargs="+", metavar="WAY")
    parser.add_argument("--seeds", type=int, help="how many draws of each")
    jobs = "results at once, each on one core (default 1, with all cores; on a Dask cluster as many as it has workers)"
    parser.add_argument("--jobs", type=int, help=jobs)
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here; with dask the best of each worker)")
    parser.add_argument("--backend", help="of joblib, what computes several at once: loky (default), dask, ...")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, for example tcp://10.0.0.5:8786")


def _add_transferability(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_transferability
    parser = commands.add_parser("transferability", help="measure how far each stage transfers (lesson 11)", **said)
    parser.add_argument("--out", help="the CSV file (default: transferability.csv, here)")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 3)")
    parser.add_argument("--jobs", type=int, help="networks trained at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_rate_sweep(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_rate_sweep
    what = "fine-tune with the stages at 0.01 to 1 of the head's rate"
    parser = commands.add_parser("rate-sweep", help=what, **said)
    parser.add_argument("--out", help="the CSV file (default: rate_sweep.csv, here)")
    parser.add_argument("--backbone", metavar="NAME", help="default: minivgg")
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help="default: flowers tissue")
    parser.add_argument("--per-class", nargs="+", type=int, metavar="N", help="default: 5 20")
    parser.add_argument("--factors", nargs="+", type=float, metavar="F", help="default: 0.01 0.03 0.1 0.3 1")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 3)")
    parser.add_argument("--image-size", type=int, metavar="PIXELS")
    parser.add_argument("--weights", metavar="FILE", help="of the backbone, in place of the usual ones")
    parser.add_argument("--jobs", type=int, help="networks trained at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")
