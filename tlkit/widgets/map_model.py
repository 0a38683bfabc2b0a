"""Where a reader stands on the measured map, who voted for what there, and what follows. No widget is in it."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from tlkit import checks
from tlkit.intervals import Interval
from tlkit.study.decision import DecisionMap, Recommendation, boards_of, left_out, rule_in_words
from tlkit.study.places import RANK, RULE, class_count, quadrant, world_of
from tlkit.transfer.ways import CHOICES
from tlkit.widgets.places_here import PlaceHere

__all__: list[str] = []


class MapModel:
    """The state behind the map's panel and its page for a projector.

    Parameters
    ----------
    measured : DecisionMap, several of them, or None for those that ship with the course
    dataset, per_class : where it opens
    revealed : whether what was measured is shown

    Attributes
    ----------
    world, network, dataset, per_class : the place; ``choose`` moves
    revealed : bool

    Raises
    ------
    ValueError
        If the map has no such place.
    """

    def __init__(
        self,
        measured: DecisionMap | Sequence[DecisionMap] | None,
        dataset: str,
        per_class: int,
        revealed: bool = True,
    ):
        self._boards = boards_of([measured] if isinstance(measured, DecisionMap) else measured)
        self._raised: dict[PlaceHere, list[str]] = defaultdict(list)  # in the order in which they went up
        self._left: dict[str, tuple[str, str, int]] = {}  # where the reader was in each world
        self._draws: Counter[str] = Counter()
        self.revealed = revealed
        self.world = world_of(checks.choose("target dataset", dataset, self.targets))
        self.network = next(
            network for network in self.networks if dataset in self._boards[self.world, network].datasets
        )
        self.dataset = dataset
        self.per_class = self._size(per_class)

    # ----------------------------------------------------------------------------- the place

    @property
    def worlds(self) -> list[str]:
        """``"drawn"``, ``"photos"``, or both."""
        return list(dict.fromkeys(world for world, _ in self._boards))

    @property
    def networks(self) -> list[str]:
        """The networks that were measured in this world."""
        return self._networks(self.world)

    def _networks(self, world: str) -> list[str]:
        return [network for other, network in self._boards if other == world]

    @property
    def has_networks(self) -> bool:
        """Whether there are several networks to choose from, in either world."""
        return any(len(self._networks(world)) > 1 for world in self.worlds)

    @property
    def board(self) -> DecisionMap:
        """The map of this network in this world."""
        return self._boards[self.world, self.network]

    @property
    def sizes(self) -> list[int]:
        """The images per class that were measured of this target."""
        return self.board.sizes_of(self.dataset)

    @property
    def place(self) -> PlaceHere:
        return PlaceHere(self.network, self.dataset, self.per_class, self.board.image_size)

    @property
    def targets(self) -> list[str]:
        """The targets of all worlds."""
        return list(dict.fromkeys(name for board in self._boards.values() for name in board.datasets))

    def choose(
        self,
        world: str | None = None,
        network: str | None = None,
        dataset: str | None = None,
        per_class: int | None = None,
    ) -> None:
        """Go to another place; what is not named stays as near to where it was as the map allows.

        A world that was left is found as it was left.
        """
        if world not in (None, self.world):
            checks.choose("world", world, self.worlds)
            self._left[self.world] = (self.network, self.dataset, self.per_class)
            before = self.dataset, self.per_class
            self.world = world
            self.network, *before = self._left.get(world, (self.networks[0], *before))
            self._settle(*before)
        if network is not None:
            self.network = checks.choose("network", network, self.networks)
            self._settle(self.dataset, self.per_class)
        if dataset is not None:
            self.dataset = checks.choose("target dataset", dataset, self.board.datasets)
            self._settle(self.dataset, self.per_class)
        if per_class is not None:
            self.per_class = self._size(per_class)

    def _settle(self, dataset: str, per_class: int) -> None:
        """The target of this board that is as similar as ``dataset``, and the nearest size that it has."""
        likeness = quadrant(dataset, 1)[1]

        def distance(name: str) -> tuple:
            return name != dataset, quadrant(name, 1)[1] != likeness, abs(RANK[name] - RANK[dataset])

        self.dataset = min(self.board.datasets, key=distance)
        self.per_class = min(self.sizes, key=lambda size: abs(math.log(size / per_class)))

    def _size(self, per_class: int) -> int:
        if checks.count("per_class", per_class, 1) not in self.sizes:
            raise ValueError(f"per_class must be one of {', '.join(map(str, self.sizes))}, but it is {per_class}.")
        return per_class

    # ----------------------------------------------------------------------------- the votes

    @property
    def _hands(self) -> list[str]:
        return self._raised[self.place]

    @property
    def hands(self) -> Counter[str]:
        """How many hands each way has at this place; each place keeps its own."""
        return Counter(self._hands)

    def raise_hand(self, way: str) -> None:
        self._hands.append(checks.choose("way", way, CHOICES))

    def lower_hand(self, way: str | None = None) -> None:
        """Take back a hand for this way, or the last one; nobody has fewer than no hands."""
        if way is None and self._hands:
            self._hands.pop()
        elif way in self._hands:
            self._hands.remove(way)

    def set_hands(self, way: str, count: int) -> None:
        """Say how many hands a way has."""
        self._hands[:] = [other for other in self._hands if other != way] + [way] * count

    # --------------------------------------------------------------------------- what follows

    @property
    def rule(self) -> str:
        """What the literature advises here."""
        return RULE[quadrant(self.dataset, self.per_class)]

    @property
    def missing(self) -> list[str]:
        """The ways that were not measured here yet."""
        return self.board.missing(self.dataset, self.per_class)

    @property
    def advice(self) -> Recommendation | None:
        """What was found here, or None where too little was measured to say."""
        measured = len(CHOICES) - len(self.missing)
        if self.rule in self.missing or measured < 2:
            return None
        return self.board.recommend(self.dataset, self.per_class)

    @property
    def accuracy(self) -> dict[str, Interval]:
        """Test accuracy of each way that was measured here."""
        here = self.board.at(self.dataset, self.per_class)
        return {way: here.accuracy(way) for way in here.ways}

    @property
    def seconds(self) -> dict[str, float]:
        """Median seconds of each way that was measured here."""
        here = self.board.at(self.dataset, self.per_class)
        return {way: float(np.median(here.values(way, "seconds"))) for way in here.ways}

    @property
    def chance(self) -> float:
        """What a blind guess gets right."""
        return 1 / class_count(self.dataset)

    @property
    def words(self) -> str:
        """Place and rule, and, once it is revealed, what was measured and what became of the rule."""
        about = rule_in_words(self.dataset, self.per_class)
        if not self.revealed:
            return about
        advice = self.advice
        return str(advice) if advice else f"{about}{left_out(self.missing)}"

    def next_seed(self) -> int:
        """A draw that the map has not seen; in the same order every day, so that a rehearsal keeps their pictures."""
        seed = 1 + max(row["seed"] for row in self.board.rows) + self._draws[self.dataset]
        self._draws[self.dataset] += 1
        return seed
