"""What a user runs: ``python -m tlkit --help`` lists the commands."""

import argparse
import importlib
import sys
from collections.abc import Sequence

__all__: list[str] = []


_HOME = {
    "evidence": ("tlkit.study.evidence_table", "run_evidence"),
    "fetch": ("tlkit.fetching", "fetch_or_list"),
    "map": ("tlkit.study.survey", "run_map"),
    "progress": ("tlkit.exercises.report", "run_progress"),
    "rate-sweep": ("tlkit.study.rate_sweep", "run_rate_sweep"),
    "shifts": ("tlkit.study.shifts", "run_shifts"),
    "starts": ("tlkit.study.starts", "run_starts"),
    "surgical": ("tlkit.study.surgical", "run_surgical"),
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
    _add_surgical(commands)
    _add_rate_sweep(commands)
    _add_starts(commands)
    _add_shifts(commands)
    _add_evidence(commands)
    _add_progress(commands)
    options = vars(parser.parse_args(arguments))
    return run(*_HOME[options.pop("command")], options, goes_on=True)


def run(module: str, function: str, options: dict, goes_on: bool) -> int:
    """Call the function of a command; returns the exit code. ``goes_on``: the same call goes on after an interrupt."""
    try:
        # Imported here, so that --help answers at once.
        getattr(importlib.import_module(module), function)(**options)
    except KeyboardInterrupt:
        print("\nInterrupted.", "Run the same command again to go on." if goes_on else "", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


def _add_map(commands: argparse._SubParsersAction) -> None:
    """Only what is given is passed on: the defaults stand in ``run_map`` alone."""
    said = {"argument_default": argparse.SUPPRESS}
    parser = commands.add_parser("map", help="measure the decision map: every way at every size and similarity", **said)
    parser.add_argument("--out", help="the CSV file (default: decision_map.csv, or real_map.csv of photos, here)")
    parser.add_argument("--datasets", nargs="+", metavar="NAME")
    parser.add_argument("--per-class", nargs="+", type=int, metavar="N")
    parser.add_argument("--ways", nargs="+", metavar="WAY")
    parser.add_argument("--seeds", type=int, help="how many draws of each")
    jobs = "results at once, each on one core (default 1, with all cores; on a Dask cluster as many as it has workers)"
    parser.add_argument("--jobs", type=int, help=jobs)
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here; with dask the best of each worker)")
    parser.add_argument("--backend", help="of joblib, what computes several at once: loky (default), dask, ...")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, for example tcp://10.0.0.5:8786")
    _add_backbone(parser)


def _add_backbone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", metavar="NAME", help="default: minivgg, and with it the drawn targets")
    parser.add_argument("--image-size", type=int, metavar="PIXELS")
    parser.add_argument("--weights", metavar="FILE", help="of the backbone, in place of the usual ones")


def _add_transferability(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_transferability
    parser = commands.add_parser("transferability", help="measure how far each stage transfers (lesson 11)", **said)
    parser.add_argument("--out", help="the CSV file (default: transferability.csv, here)")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 3)")
    parser.add_argument("--jobs", type=int, help="networks trained at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_surgical(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_surgical
    what = "after a shift, let one part of a network learn from a few pictures (lesson 14)"
    parser = commands.add_parser("surgical", help=what, **said)
    parser.add_argument("--out", help="the CSV file (default: surgical.csv, here)")
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help="default: flowers")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 5)")
    parser.add_argument("--jobs", type=int, help="results at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_rate_sweep(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_rate_sweep
    what = "fine-tune with the stages at 0.01 to 1 of the head's rate"
    parser = commands.add_parser("rate-sweep", help=what, **said)
    parser.add_argument("--out", help="the CSV file (default: rate_sweep.csv, here)")
    _add_backbone(parser)
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help="default: flowers tissue")
    parser.add_argument("--per-class", nargs="+", type=int, metavar="N", help="default: 5 20")
    parser.add_argument("--factors", nargs="+", type=float, metavar="F", help="default: 0.01 0.03 0.1 0.3 1")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 3)")
    parser.add_argument("--jobs", type=int, help="networks trained at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_starts(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_starts
    parser = commands.add_parser("starts", help="train alike from pretrained, rescaled and random weights", **said)
    parser.add_argument("--out", help="the CSV file (default: starts.csv, here)")
    _add_backbone(parser)
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help="default: the four drawn targets")
    parser.add_argument("--per-class", nargs="+", type=int, metavar="N", help="default: 20")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 3)")
    parser.add_argument("--trained", nargs="+", metavar="PART", help="all (the default), BatchNorm, head")
    parser.add_argument("--epochs", type=int, help="of every training (default 8)")
    parser.add_argument("--jobs", type=int, help="networks trained at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_shifts(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_shifts
    parser = commands.add_parser("shifts", help="measure who stands a shift of the pictures (lesson 14)", **said)
    parser.add_argument("--out", help="the CSV file (default: shifts.csv, here)")
    _add_backbone(parser)
    parser.add_argument("--datasets", nargs="+", metavar="NAME", help="default: flowers herbarium")
    parser.add_argument("--per-class", type=int, metavar="N", help="default: 20")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 5)")
    parser.add_argument("--jobs", type=int, help="draws at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_evidence(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_evidence
    what = "measure what frozen features say before training, where the maps were measured"
    parser = commands.add_parser("evidence", help=what, **said)
    parser.add_argument("--out", help="the CSV file (default: evidence.csv, here)")
    parser.add_argument("--backbone", metavar="NAME", help="default: minivgg, and with it the drawn targets")
    parser.add_argument("--weights", metavar="FILE", help="of the backbone, in place of the usual ones")
    parser.add_argument("--datasets", nargs="+", metavar="NAME")
    parser.add_argument("--per-class", nargs="+", type=int, metavar="N")
    parser.add_argument("--seeds", type=int, help="how many draws of each (default 5)")
    parser.add_argument("--jobs", type=int, help="places at once, each on one core (default 1)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best here)")


def _add_progress(commands: argparse._SubParsersAction) -> None:
    said = {"argument_default": argparse.SUPPRESS}  # what is not said is as in run_progress
    what = "what is done here; a copy to hand in; a CSV of what a class handed in"
    parser = commands.add_parser("progress", help=what, **said)
    parser.add_argument("--export", metavar="FILE", help="write a copy to hand in, for example 'Your Name.json'")
    sources = "make a CSV from the progress files of students: files, folders, zips"
    parser.add_argument("--report", nargs="+", metavar="PATH", help=sources)
    parser.add_argument("--out", metavar="FILE", help="the CSV (default: report.csv, here)")
    parser.add_argument("--force", action="store_true", help="replace the CSV though it is no report of this command")
