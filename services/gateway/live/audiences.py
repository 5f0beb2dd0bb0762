"""The table of which listeners may see which events. An event that is not in it is sent to nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from services.gateway.live.region_parents import RegionParents
from shared.domain.alerts import ACTIVE, PRIVATE, PUBLIC, RESTRICTED, UNISSUED
from shared.domain.permissions import (
    ALERT_READ,
    ALERT_READ_DRAFT,
    ALERT_READ_REACH,
    ALERT_READ_RESTRICTED,
    REPORT_READ,
    REPORT_READ_OWN,
    RESOURCE_READ,
    USER_READ,
)
from shared.platform.rpc.operation import SIGNED_IN

if TYPE_CHECKING:
    from shared.platform.rpc.context import Caller

REGION: Final = "region_id"


@dataclass(frozen=True, slots=True)
class Audience:
    """The listeners who may see one type of event.

    Attributes:
        permission: Needed in the region that the event names in ``region_id``; or `SIGNED_IN`.
        own_permission: Suffices, in that region, for the account that the event names in ``user_id``.
        regional: Whether the event lies in a region; else the permission suffices anywhere.
        left_out: The fields of its data that are not streamed.
        names_listeners: Whether some listeners may see it without the permission, because the event names them.
    """

    permission: str
    own_permission: str = ""
    regional: bool = True
    left_out: tuple[str, ...] = ()
    names_listeners: bool = False


@dataclass(frozen=True, slots=True)
class Circle:
    """The listeners who may see an event about an alert that is not for everybody who may read alerts.

    Attributes:
        permissions: All of them are needed in the region, besides the permission of the type. None if no permission
            suffices.
        accounts: The accounts that may see it whatever permissions they have.
        roles: Whoever has one of these roles may see it, too.
    """

    permissions: tuple[str, ...] | None
    accounts: frozenset[UUID]
    roles: frozenset[str]


_REPORT: Final = Audience(REPORT_READ, own_permission=REPORT_READ_OWN)
# `user_id` is the author of the comment, not of the report.
_PART_OF_REPORT: Final = Audience(REPORT_READ)
_RESOURCE: Final = Audience(RESOURCE_READ)
# Who else an alert is for is not for those who get it.
_NAMED: Final = ("audience_groups", "audience_accounts")
_ALERT: Final = Audience(ALERT_READ, left_out=_NAMED, names_listeners=True)
_REACH: Final = Audience(ALERT_READ_REACH, left_out=_NAMED)
_USER: Final = Audience(USER_READ, own_permission=SIGNED_IN, regional=False)
# An account's own stream ends instead.
_ACCESS: Final = Audience(USER_READ, regional=False)
# Boundaries can have a megabyte, which a thousand listeners would get at once; they can be requested.
_PLACE: Final = Audience(SIGNED_IN, regional=False, left_out=("boundaries",))

AUDIENCES: Final[Mapping[str, Mapping[str, Audience]]] = {
    "identity": {
        "user_created": _USER,
        "user_updated": _USER,
        "user_deactivated": _USER,
        "role_granted": _USER,
        "role_revoked": _USER,
        "access_revoked": _ACCESS,
        "region_created": _PLACE,
        "region_updated": _PLACE,
    },
    "reports": {
        "report_created": _REPORT,
        "report_status_changed": _REPORT,
        "report_updated": _REPORT,
        "report_comment_added": _PART_OF_REPORT,
        "report_attachment_added": _PART_OF_REPORT,
    },
    "resources": {
        "resource_created": _RESOURCE,
        "resource_status_changed": _RESOURCE,
        "resource_usage_changed": _RESOURCE,
        "resource_updated": _RESOURCE,
    },
    "alerts": {
        "alert_issued": _ALERT,
        "alert_status_changed": _ALERT,
        "alert_targeted": _REACH,
        "alert_read": _REACH,
    },
}
"""By service and type."""

BY_TYPE: Final = {name: audience for types in AUDIENCES.values() for name, audience in types.items()}

Regions = frozenset[UUID] | None
"""As `Caller.regions` has it: None is everywhere, an empty set nowhere."""

NOWHERE: Final[Regions] = frozenset()

Call = Callable[[str, dict[str, Any]], Any]


class Hearing:
    """The events that one listener receives: those that its token allows and that it asked for.

    Args:
        caller: The listener.
        types: The requested types; all when empty.
        regions: The requested regions; when empty, all and events without a region.
        exact: Whether the requested regions mean only themselves, and not what lies in them.
        parents: The tree of the regions.
        call: Calls an RPC method on behalf of the caller, to read the tree.
    """

    def __init__(
        self,
        caller: Caller,
        types: frozenset[str],
        regions: frozenset[UUID],
        *,
        exact: bool = False,
        parents: RegionParents | None = None,
        call: Call | None = None,
    ) -> None:
        self._user_id = caller.user_id
        self._roles = caller.roles
        self._in_circles = {name: caller.regions(name) for name in (ALERT_READ_DRAFT, ALERT_READ_RESTRICTED)}
        self._wanted = regions
        self._exact = exact
        self._parents = parents or RegionParents()
        self._call = call
        self._allowed: dict[str, tuple[Regions, Regions]] = {}
        for name in types or BY_TYPE:
            audience = BY_TYPE[name]
            everyone = _regions(caller, audience.permission)
            own = _regions(caller, audience.own_permission) if audience.own_permission else NOWHERE
            if everyone != NOWHERE or own != NOWHERE or audience.names_listeners:
                self._allowed[name] = (everyone, own)
        held = [
            *(regions for allowed in self._allowed.values() for regions in allowed),
            *self._in_circles.values(),
        ]
        is_narrowed = any(held)
        self._needs_tree = is_narrowed or bool(regions and not exact)

    @property
    def types(self) -> frozenset[str]:
        """The types of which the listener may receive any event."""
        return frozenset(self._allowed)

    def is_complete(self) -> bool:
        """Return whether it hears all that it should: false while it needs the tree of the regions and has none.

        It reads the tree if it can.
        """
        return not self._needs_tree or self._call is None or self._parents.read(self._call)

    def hears(
        self, event_type: str, region_id: UUID | None, user_id: UUID | None, circle: Circle | None = None
    ) -> bool:
        """Return whether it receives an event of this type, in this region, about this account, for this circle."""
        allowed = self._allowed.get(event_type)
        if allowed is None or (self._wanted and not self._is_wanted(region_id)):
            return False
        everyone, own = allowed
        if not BY_TYPE[event_type].regional:
            return everyone != NOWHERE or (own != NOWHERE and user_id == self._user_id)
        # An event that should name its region and does not is sent to nobody.
        if region_id is None:
            return False
        if circle is not None:
            if self._user_id in circle.accounts or not self._roles.isdisjoint(circle.roles):
                return True
            if circle.permissions is None or not all(
                self._within(region_id, self._in_circles[name]) for name in circle.permissions
            ):
                return False
        return self._within(region_id, everyone) or (
            user_id == self._user_id and self._within(region_id, own)
        )

    def _is_wanted(self, region_id: UUID | None) -> bool:
        if self._exact or region_id is None:
            return region_id in self._wanted
        return self._within(region_id, self._wanted)

    def _within(self, region_id: UUID, regions: Regions) -> bool:
        if regions is None or region_id in regions:
            return True
        return bool(regions) and not regions.isdisjoint(self._parents.lineage(region_id))


def place_of(data: Mapping[str, Any]) -> tuple[UUID | None, UUID | None]:
    """Return the region of an event and the account that it is about, where its data names them.

    Raises:
        ValueError: One of them is not an id.
    """
    region_id, user_id = data.get(REGION), data.get("user_id")
    return UUID(region_id) if region_id else None, UUID(user_id) if user_id else None


_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {PUBLIC: (), RESTRICTED: (ALERT_READ_RESTRICTED,)}
"""What is needed besides for alerts of each class; private ones are not here."""


def circle_of(event_type: str, data: Mapping[str, Any]) -> Circle | None:
    """Return the circle of an event; None for those that the permission of the type suffices for.

    An event about an alert is as restricted as the alert, and so are events about drafts. Nobody gets those about
    private alerts by a permission, because each use of it has to be recorded. An event that does not tell the class of
    its alert, as those of earlier releases, is taken for one about a private alert.

    Raises:
        ValueError: It names an account by something that is not an id.
    """
    if event_type not in AUDIENCES["alerts"]:
        return None
    audience_class = data.get("audience_class", PRIVATE)
    status, previous = data.get("status"), data.get("previous_status")
    is_issued = status not in UNISSUED and (previous not in UNISSUED or status == ACTIVE)
    if audience_class == PUBLIC and is_issued:
        return None
    accounts: list[str] = []
    roles: list[str] = []
    if BY_TYPE[event_type].names_listeners:
        accounts.append(data["issued_by"])
        if is_issued:
            accounts += data.get("audience_accounts", [])
            roles = data.get("audience_groups", [])
    needed = _NEEDED.get(audience_class)
    if needed is not None and not is_issued:
        needed = (*needed, ALERT_READ_DRAFT)
    return Circle(needed, frozenset(map(UUID, accounts)), frozenset(roles))


def _regions(caller: Caller, permission: str) -> Regions:
    return None if permission == SIGNED_IN else caller.regions(permission)
