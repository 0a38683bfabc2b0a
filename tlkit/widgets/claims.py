"""What a lesson says, held against the run at hand, in one line that can be unfolded."""

import html
from collections.abc import Mapping

from tlkit import checks
from tlkit.language import said

__all__ = ["Claims", "claims"]


class Claims:
    """Statements, each with whether it held here. In a notebook one line, which a click unfolds."""

    def __init__(self, held: Mapping[str, bool]):
        checks.mapping("held", held, "whether it holds", fewest=0)
        checks.flag(**{f"held[{what!r}]": holds for what, holds in held.items()})
        self.held = {what: bool(holds) for what, holds in held.items()}

    @property
    def missed(self) -> list[str]:
        """The statements that did not hold."""
        return [what for what, holds in self.held.items() if not holds]

    def _headline(self) -> str:
        number, missed = len(self.held), "; ".join(map(said, self.missed))
        if self.missed:
            return f"{number - len(self.missed)} of {number} claims of the text hold here; not: {missed}."
        if number == 1:
            return "The one claim of the text holds in this run."
        return f"All {number} claims of the text hold in this run."

    def __repr__(self) -> str:
        return said(self._headline())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li>{'✓' if holds else '✗'} {html.escape(said(what))}</li>" for what, holds in self.held.items()
        )
        return (
            f"<details><summary>{html.escape(repr(self))}</summary>"
            f'<ul style="list-style:none;margin:0 0 0 1em;padding:0">{rows}</ul></details>'
        )


def claims(held: Mapping[str, bool]) -> Claims:
    """Hold a lesson to its word: every statement must be true of the run that was just made.

    Parameters
    ----------
    held : statement -> whether it holds, such as ``{"transfer wins by 25 points": gain > 0.25}``

    Returns
    -------
    Claims
        As the last line of a cell it shows how many were checked; a click shows which.

    Raises
    ------
    AssertionError
        If one does not hold; it names all of those. Or if there is none.
    TypeError
        If what is said of one is neither True nor False.
    """
    made = Claims(held)
    assert made.held, "claims(held) needs one statement or more"
    assert not made.missed, f"the lesson says: {'; '.join(made.missed)}. This run found otherwise"
    return made
