"""Contestants measured in turns in one run, and what comes out: medians, ranges and ratios.

A machine that others use as well is never the same twice. Figures of one round are close together in time, so it
is the ratios within each round that count.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OURS = "ImpactX"
STOCK = "stock nameko"
FLOOR = "floor"


@dataclass(frozen=True)
class Scale:
    """How much is done.

    Attributes:
        rounds: How often each contestant has its turn; the first one warms up and is not counted.
        calls: Calls of the echo in a turn.
        writes: Reports created or changed in a turn.
        reports: In the list that is paged through.
        regions: Among which they lie.
        pages: The number of the far page.
        page_calls: Calls for a page in a turn.
        imported: Rows of an import.
        people: Whom an alert reaches.
        usage_changes: Of one resource in a turn.
        resources: Among which the nearest are found.
        nearest_calls: Questions for them in a turn.
        requests: Over HTTP in a turn.
        listeners: Of the live stream.
    """

    rounds: int = 6
    calls: int = 2000
    writes: int = 600
    reports: int = 100_000
    regions: int = 10_000
    pages: int = 1000
    page_calls: int = 150
    imported: int = 20_000
    people: int = 1_000_000
    usage_changes: int = 2_000
    resources: int = 100_000
    nearest_calls: int = 200
    requests: int = 600
    listeners: int = 1_000


QUICK = Scale(
    rounds=2,
    calls=40,
    writes=40,
    reports=2_000,
    regions=300,
    pages=10,
    page_calls=5,
    imported=1_000,
    people=20_000,
    usage_changes=40,
    resources=1_000,
    nearest_calls=10,
    requests=40,
    listeners=20,
)
"""Shows that everything runs; its figures mean nothing."""


@dataclass(frozen=True)
class Figures:
    """Some measured values: their median and range."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figures:
        """Those of these values."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Ratio:
    """One contestant's rate over another's, round by round.

    Attributes:
        of: The contestant.
        to: The one it is compared with.
        figures: Of the rounds.
        at_least: The target; None where the ratio is only for information.
    """

    of: str
    to: str
    figures: Figures
    at_least: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target was reached; None where there is none."""
        return None if self.at_least is None else self.figures.median >= self.at_least


@dataclass(frozen=True)
class Target:
    """What is asked of a contest: ``of`` over ``to`` at least so much, or ``of`` alone at least such a rate."""

    of: str
    at_least: float
    to: str | None = None


@dataclass(frozen=True)
class Result:
    """What a contest brought.

    Attributes:
        name: What was done.
        unit: Of the rates.
        rates: Of each contestant, per second.
        ratios: Between contestants.
        rate_targets: The least rate asked of a contestant, where one is asked.
    """

    name: str
    unit: str
    rates: dict[str, Figures]
    ratios: list[Ratio]
    rate_targets: dict[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        """Whether no target was missed."""
        return all(ratio.is_met is not False for ratio in self.ratios) and all(
            self.rates[name].median >= least for name, least in self.rate_targets.items()
        )

    def as_json(self) -> dict[str, Any]:
        """For the file of figures."""
        return asdict(self) | {
            "ratios": [asdict(ratio) | {"is_met": ratio.is_met} for ratio in self.ratios],
            "is_met": self.is_met,
        }

    def __str__(self) -> str:
        lines = [self.name]
        for contestant, rate in self.rates.items():
            line = f"  {contestant:<22}{rate.median:>9,.0f} {self.unit}  ({rate.least:,.0f} to {rate.greatest:,.0f})"
            least = self.rate_targets.get(contestant)
            lines.append(line + (f"  {_verdict(least, met=rate.median >= least)}" if least else ""))
        for ratio in self.ratios:
            figures = ratio.figures
            line = f"  {ratio.of} / {ratio.to}: {figures.median:.2f} ({figures.least:.2f} to {figures.greatest:.2f})"
            verdict = (
                "" if ratio.at_least is None else f"  {_verdict(ratio.at_least, met=bool(ratio.is_met))}"
            )
            lines.append(line + verdict)
        return "\n".join(lines)


def contest(
    name: str,
    unit: str,
    rounds: int,
    contestants: Mapping[str, Callable[[], float]],
    *,
    ratios: Sequence[tuple[str, str]],
    targets: Sequence[Target] = (),
) -> Result:
    """Gives each contestant its turn in each round.

    Args:
        name: What is done.
        unit: Of the rates.
        rounds: How many, the first of them not counted.
        contestants: By their names; each returns its rate per second.
        ratios: Of which contestant to which.
        targets: What is asked.
    """
    rates: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    for number in range(rounds):
        for contestant, turn in contestants.items():
            rate = turn()
            if number > 0:
                rates[contestant].append(rate)
    asked = {(target.of, target.to): target.at_least for target in targets}
    return Result(
        name,
        unit,
        {contestant: Figures.of(values) for contestant, values in rates.items()},
        [
            Ratio(
                of,
                to,
                Figures.of([mine / theirs for mine, theirs in zip(rates[of], rates[to], strict=True)]),
                asked.get((of, to)),
            )
            for of, to in ratios
        ],
        {of: least for (of, to), least in asked.items() if to is None},
    )


def _verdict(least: float, *, met: bool) -> str:
    return f"[at least {least:g}: {'met' if met else 'MISSED'}]"
