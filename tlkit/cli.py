"""The command line: ``python -m tlkit pretrain | pictures | costs``."""

import argparse
import importlib
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0 done, 1 a problem, 130 interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m tlkit", description="The transfer-learning course.")
    commands = parser.add_subparsers(dest="command", required=True)
    pretrain = commands.add_parser("pretrain", help="train minivgg on atlas, write its weights and its card")
    pretrain.add_argument("--epochs", type=int, default=10)
    pretrain.add_argument("--per-class", type=int, default=300, help="training pictures of each class (up to 400)")
    pretrain.add_argument("--seed", type=int, default=0)
    pretrain.add_argument("--device", default="auto")
    pretrain.add_argument("--out", default=None, help="folder for the weights (default: the course's own)")
    commands.add_parser("pictures", help="draw the contact sheets and the README's pictures")
    commands.add_parser("costs", help="measure every lesson and write its cost card")
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    # Imported here, so that --help answers at once.
    module = importlib.import_module("tlkit.pretraining" if command == "pretrain" else "tlkit.publish")
    try:
        getattr(module, command)(**options)
    except KeyboardInterrupt:
        print(
            "\nInterrupted.", "Run the same command again to go on." if command == "pretrain" else "", file=sys.stderr
        )
        return 130
    except (ValueError, TypeError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0
