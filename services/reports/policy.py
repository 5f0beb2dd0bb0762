"""The decisions of the reports service that need no database: duplicates, doubtful clocks and places, quotas."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypedDict

from shared.client.errors import Invalid, TooLarge
from shared.domain.reports import DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

CLOCK_TOLERANCE: Final = dt.timedelta(minutes=5)
"""How far a reporter's clock may be ahead of ours before it is in doubt."""

MAX_CLOCK_LEAD: Final = dt.timedelta(days=1) + CLOCK_TOLERANCE
"""How far a reporter's clock may be ahead at all."""

OLDEST_FILED: Final = dt.timedelta(days=366)
"""How long ago a report from the field may have been made before its clock is in doubt."""

OLDEST_CREDIBLE: Final = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
"""A clock that lost its setting shows an earlier time: 1970, 1980 or 2000."""

TYPE_INACTIVE: Final = "type_inactive"
CLOCK_AHEAD: Final = "clock_ahead"
CLOCK_PAST: Final = "clock_past"
OUTSIDE_REGIONS: Final = "outside_regions"
NO_REGION: Final = "no_region"
NO_COORDINATES: Final = "no_coordinates"

REVIEW_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        TYPE_INACTIVE: "The report type is not in use any more.",
        CLOCK_AHEAD: "`reported_at` is ahead of the time of arrival by more than 5 minutes.",
        CLOCK_PAST: "`reported_at` is so long ago that the clock of the device seems to be wrong.",
        OUTSIDE_REGIONS: "The location is in no region.",
        NO_REGION: "No region is named, and there are no coordinates from which to find one.",
        NO_COORDINATES: "The location is an address without coordinates.",
    }
)
"""The reasons why a coordinator should look at a report, and what each means."""


class ReviewedFields(TypedDict, total=False):
    """The fields of a change on which the reasons for review depend."""

    report_type_id: UUID
    region_id: UUID
    location: dict[str, Any]
    reported_at: dt.datetime


def check_duplicate(report_id: object, status: str, duplicate_of: object | None) -> None:
    """Refuse a duplicate that names no other report, and a ``duplicate_of`` for any other status.

    Raises:
        Invalid: It names ``duplicate_of``.
    """
    problem = None
    if status == DUPLICATE and duplicate_of is None:
        problem = "Name the report that this one is a duplicate of."
    elif status != DUPLICATE and duplicate_of is not None:
        problem = "Is only allowed for the status duplicate."
    elif duplicate_of is not None and duplicate_of == report_id:
        problem = "A report cannot be a duplicate of itself."
    if problem:
        raise Invalid(fields={"duplicate_of": [problem]})


def clock_reasons(
    reported_at: dt.datetime, received_at: dt.datetime, oldest: dt.timedelta | None = None
) -> list[str]:
    """Return why the clock by which something was reported is in doubt: `CLOCK_AHEAD`, `CLOCK_PAST`, or nothing.

    Args:
        reported_at: The time by the clock of the reporter's device.
        received_at: The time of arrival, by our clock.
        oldest: How long ago it may be; None for records of old events, for which only `OLDEST_CREDIBLE` counts.

    Raises:
        Invalid: It is ahead by more than `MAX_CLOCK_LEAD`; it names ``reported_at``.
    """
    if reported_at > received_at + MAX_CLOCK_LEAD:
        raise Invalid(fields={"reported_at": ["Is more than a day in the future."]})
    if reported_at > received_at + CLOCK_TOLERANCE:
        return [CLOCK_AHEAD]
    is_past = reported_at < OLDEST_CREDIBLE or (oldest is not None and reported_at < received_at - oldest)
    return [CLOCK_PAST] if is_past else []


def reasons_moved(
    changes: ReviewedFields, now: dt.datetime, *, region_is_known: bool
) -> tuple[list[str], list[str]]:
    """Return the reasons for review that a change removes, and those that it adds.

    Args:
        changes: The new values.
        now: The time by our clock.
        region_is_known: Whether a ``region_id`` among the changes is not that of the reserved region.

    Raises:
        Invalid: ``reported_at`` is too far in the future.
    """
    settled: list[str] = []
    given: list[str] = []
    if "report_type_id" in changes:
        settled.append(TYPE_INACTIVE)
    if "reported_at" in changes:
        settled += [CLOCK_AHEAD, CLOCK_PAST]
        given += clock_reasons(changes["reported_at"], now)
    if "location" in changes:
        settled.append(NO_COORDINATES)
        given += place_reasons(changes["location"], region_is_known=True)
    if "region_id" in changes:
        settled += [OUTSIDE_REGIONS, NO_REGION]
        given += [] if region_is_known else [NO_REGION]
    return settled, given


def place_reasons(location: Mapping[str, Any], *, region_is_known: bool) -> list[str]:
    """Return why the place of a report is in doubt: `OUTSIDE_REGIONS`, `NO_REGION`, `NO_COORDINATES`, or nothing."""
    has_coordinates = "coordinates" in location
    reasons = [] if has_coordinates else [NO_COORDINATES]
    if not region_is_known:
        reasons.append(OUTSIDE_REGIONS if has_coordinates else NO_REGION)
    return reasons


MIB: Final = 1024 * 1024
ACCOUNT: Final = "account"
REPORT: Final = "report"
TOTAL: Final = "total"
"""The scopes of the quotas of attached files."""


@dataclass(frozen=True, slots=True)
class AttachmentQuotas:
    """How many bytes of files may be attached; 0 sets no limit.

    Attributes:
        reporter: By an account that may only change its own reports, within 24 hours.
        staff: By any other account, within 24 hours.
        report: To one report.
        total: To all reports together.
    """

    reporter: int = 64 * MIB
    staff: int = 5 * 1024 * MIB
    report: int = 1024 * MIB
    total: int = 0

    def of_account(self, *, is_staff: bool) -> int:
        """Return the quota of an account."""
        return self.staff if is_staff else self.reporter


def check_quotas(left: Mapping[str, tuple[int, int]], size: int) -> None:
    """Refuse a file that exceeds a quota.

    Args:
        left: For each scope what is left of its quota with the file counted, negative where it is exceeded, and the
            quota.
        size: The bytes of the file.

    Raises:
        TooLarge: It names the ``scope``, its ``quota``, and the ``remaining`` bytes without the file.
    """
    for scope, (after, quota) in left.items():
        if after < 0:
            remaining = max(after + size, 0)
            raise TooLarge(
                _EXCEEDED[scope].format(quota=quota, remaining=remaining),
                scope=scope,
                quota=quota,
                remaining=remaining,
            )


_EXCEEDED: Final = {
    ACCOUNT: "You may attach {quota} bytes within 24 hours; {remaining} are left.",
    REPORT: "The files of a report may have {quota} bytes in total; {remaining} are left.",
    TOTAL: "The files of all reports may have {quota} bytes in total; {remaining} are left.",
}
