"""What makers of the course run: ``python -m tools --help`` lists the commands, and ``make help`` most of them."""

import argparse
from collections.abc import Sequence

from tlkit.cli import run
from tlkit.transfer.ways import WAYS

__all__ = ["main"]

_HOME = {
    "badges": ("tools.badges", "badges"),
    "costs": ("tools.publish", "costs"),
    "exercises": ("tools.notebooks", "exercises"),
    "html": ("tools.pages", "html"),
    "map-costs": ("tools.map_costs", "map_costs"),
    "pictures": ("tools.publish", "pictures"),
    "pretrain": ("tools.pretraining", "pretrain"),
    "rehearse": ("tools.rehearsal", "rehearse"),
    "sources": ("tools.sources", "sources"),
    "translations": ("tools.translations", "translations"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 a problem, 130 interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m tools", description="What makes and publishes the course.")
    commands = parser.add_subparsers(dest="command", required=True)
    pretrain = commands.add_parser("pretrain", help="train minivgg on a source, write its weights and its card")
    pretrain.add_argument("--source", default="atlas", help="atlas (default), or portraits: drawn people")
    pretrain.add_argument("--epochs", type=int, default=10)
    size = "training pictures of each class (default: 300 of atlas, 60 of portraits)"
    pretrain.add_argument("--per-class", type=int, help=size)
    pretrain.add_argument("--seed", type=int, default=0)
    pretrain.add_argument("--device", default="auto")
    pretrain.add_argument("--out", default=".", help="folder for weights and card (default: this one)")
    sources = commands.add_parser("sources", help="pretrain and probe the networks of lesson 15, into a table")
    sources.add_argument("--seeds", type=int, default=3, help="draws of each (default: 3)")
    sources.add_argument("--per-class", type=int, default=20, help="pictures of each source class (default: 20)")
    sources.add_argument("--epochs", type=int, default=8, help="the longest training: 1, 2, 4 or 8 (default: 8)")
    sources.add_argument("--device", default="auto")
    sources.add_argument("--out", default="better_sources.csv", help="file (default: better_sources.csv, here)")
    commands.add_parser("pictures", help="draw the contact sheets and the README's pictures")
    made = commands.add_parser("exercises", help="make the exercises of every lesson from lessons/solutions")
    made.add_argument("--check", action="store_true", help="change nothing, fail where a lesson differs")
    costs = commands.add_parser("costs", help="measure every lesson and write its cost card")
    costs.add_argument("numbers", nargs="*", metavar="NN", help="these lessons alone, for example 03")
    map_costs = commands.add_parser("map-costs", help="measure the seconds of the drawn map, and write them into it")
    map_costs.add_argument("--seeds", type=int, default=1, help="draws of each (default: 1)")
    map_costs.add_argument("--unchanged", action="store_true", help="only say that a change of the code moves none")
    map_costs.add_argument("--ways", nargs="+", metavar="WAY", default=list(WAYS), help="these alone (default: all)")
    rehearse = commands.add_parser("rehearse", help="the evening before class: run every lesson without network")
    rehearse.add_argument("numbers", nargs="*", metavar="NN", help="these lessons alone, for example 03")
    rehearse.add_argument("--port", type=_port, default=8888, help="where JupyterLab will listen (default: 8888)")
    html = commands.add_parser("html", help="run the lessons and write them as static pages")
    html.add_argument("numbers", nargs="*", metavar="NN", help="these lessons alone, for example 03")
    html.add_argument("--out", default="site", help="folder for the pages (default: site)")
    html.add_argument("--language", help="these pages alone, en or vi (default: all)")
    translated = commands.add_parser("translations", help="make the lessons and pages of other languages")
    translated.add_argument("names", nargs="*", metavar="NAME", help="report on these alone, for example 03 or README")
    translated.add_argument("--check", action="store_true", help="change nothing, fail where something is wrong")
    badges = commands.add_parser("badges", help="write the Colab and Binder links of a fork into README and lessons")
    badges.add_argument("repository", nargs="?", metavar="OWNER/REPO", help="as on GitHub")
    badges.add_argument("--branch", default="main", help="the branch to open (default: main)")
    badges.add_argument("--remove", action="store_true", help="take the links out again")
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    return run(*_HOME[command], options, goes_on=command in ("map-costs", "pretrain", "sources"))


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, but this is {text!r}")
    return int(text)
