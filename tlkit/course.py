"""Where the course lies: its lessons, cards and maps are beside the package in a checkout, and within it in a wheel."""

from pathlib import Path

__all__: list[str] = []

PACKAGE = Path(__file__).parent
# The build copies the two folders datasets/ and lessons/ into the package; see pyproject.toml.
COURSE = PACKAGE if (PACKAGE / "datasets").is_dir() else PACKAGE.parent


def check_folder(command: str) -> None:
    """Raise ValueError unless the course's own folder is here: some commands change what is in it."""
    if COURSE == PACKAGE:
        raise ValueError(
            f"The command {command} needs the course's folder, but tlkit is installed without it. "
            "Clone the course, and run it there: make help"
        )
