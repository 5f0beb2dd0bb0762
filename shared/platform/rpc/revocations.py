"""The denial list: which access tokens are refused before they expire, because their account or role has changed.

Identity emits ``access_revoked`` when it deactivates an account, closes sessions, or withdraws a role or a permission.
Every container that verifies tokens hears these events (`shared.platform.rpc.revocation_feed`) and holds what it heard
in a `Revocations`. A token carries the versions of its account and roles, so that one that was signed after a change is
told from one that was signed before, whatever the clocks say.
"""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from shared.client import deadline
from shared.client.errors import Unauthenticated, Unavailable
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shared.platform.rpc.context import Caller

EVENTS: Final = {"identity": ("access_revoked",)}
"""What every process that verifies tokens hears, in a queue of its own (`shared.platform.registry`)."""

ACCOUNT: Final = "account"
SESSION: Final = "session"
ROLE: Final = "role"

MAX_REVOCATIONS: Final = 20_000
"""The most revocations that are held. Of more, the oldest become one moment: see `Revocations`."""

LEEWAY: Final = 10.0
"""Seconds by which the clocks of identity's replicas and its database may differ, where a token has no versions."""

FIRST_WAIT: Final = 5.0
"""Seconds that a token waits for the first list."""

WAIT: Final = 2.0
"""Seconds that a token waits for the list after an interruption."""

DEACTIVATED: Final = "deactivated"
TEXTS: Final = {
    DEACTIVATED: "This account has been deactivated.",
    "signed_out": "This session was closed. Sign in again.",
    "token_reused": "This session was closed, because one of its refresh tokens was used twice. Sign in again.",
    "sessions_closed": "The sessions of this account were closed. Sign in again.",
    "password_changed": "The password of this account has changed. Sign in again.",
}
CHANGED: Final = (
    "The permissions of this account have changed since the access token was signed. Get a new token."
)


@dataclass(frozen=True, slots=True)
class Revocation:
    """A decision that tokens are refused which were signed before it.

    Attributes:
        scope: `ACCOUNT`, `SESSION` or `ROLE`.
        subject: The id of the account or session, or the name of the role.
        version: Tokens with a lower version of the account or role are refused; of a session, all tokens.
        reason: Why, as in the event.
        revoked_at: When, in seconds since the epoch; decides for tokens without versions.
    """

    scope: str
    subject: str
    version: int
    reason: str
    revoked_at: float


def revocation_of(data: Mapping[str, Any]) -> Revocation:
    """Return the revocation that an event or an item of the list says.

    Args:
        data: Its fields. ``revoked_at`` is a text in what was received, and a moment in what identity lists to itself.

    Raises:
        LookupError: A field is missing.
        ValueError: A field cannot be read.
    """
    scope, revoked_at = str(data["scope"]), data["revoked_at"]
    if not isinstance(revoked_at, dt.datetime):
        revoked_at = dt.datetime.fromisoformat(revoked_at)
    return Revocation(
        scope,
        str(data["role"] if scope == ROLE else data["subject_id"]),
        int(data["version"]),
        str(data["reason"]),
        revoked_at.timestamp(),
    )


def revoked(reason: str) -> Unauthenticated:
    """Return the error for a token that is refused for this reason."""
    return Unauthenticated(TEXTS.get(reason, CHANGED), reason=reason)


class Revocations:
    """The revocations that concern tokens which can still be valid.

    At most `max_revocations` are held. The oldest beyond that are replaced by the moment of the newest of them: every
    token that was signed before that moment is refused. So nothing that was revoked is ever accepted for want of room;
    some callers need a new token for nothing.

    Attributes:
        watchers: Called after each change that can concern tokens which were accepted before.
    """

    def __init__(self, max_revocations: int = MAX_REVOCATIONS) -> None:
        self._max = max_revocations
        self._held = _Held()
        self._refused_before = float("-inf")
        self._heard: list[Revocation] | None = None
        self._loaded = threading.Event()
        self._settled = threading.Event()
        self.watchers: list[Callable[[], object]] = []

    # --- for those who verify ---

    def check(self, caller: Caller) -> None:
        """Refuse a verified token that was signed before a change of its account, session or roles.

        Raises:
            Unauthenticated: It was; ``reason`` says what has changed.
            Unavailable: What has been revoked is not known yet.
        """
        if not self._settled.is_set():
            self._wait()
        if self._held.count or self._refused_before > 0:
            reason = self._reason(caller)
            if reason:
                metrics.tokens_refused.labels(reason).inc()
                raise revoked(reason)

    def reason_to_refuse(self, caller: Caller) -> str:
        """Return why a token is refused; empty when it is not, or not as far as is known."""
        return self._reason(caller) if self._held.count or self._refused_before > 0 else ""

    # --- for the feed ---

    def add(self, revocation: Revocation) -> None:
        """Hold one that was heard."""
        if self._heard is not None:
            self._heard.append(revocation)
        if self._held.take(revocation):
            self._bound()
            self._changed()

    def load(self, items: Iterator[Revocation]) -> None:
        """Replace those that are held by a list, which is read here, and by those that were heard meanwhile.

        Args:
            items: The newest first. It is read no further than there is room.
        """
        self._heard = []
        try:
            found = [revocation for revocation, _ in zip(items, range(self._max + 1), strict=False)]
        finally:
            heard, self._heard = self._heard, None
        before, self._held = self._held, _Held()
        self._refused_before = float("-inf")
        for revocation in (*found, *heard):
            self._held.take(revocation)
        self._bound()
        self._loaded.set()
        self._settled.set()
        if any(before.take(revocation) for revocation in self._held):
            self._changed()

    def require_loaded(self) -> None:
        """Refuse until there was a list; no token is accepted before.

        Raises:
            Unavailable: There was none yet.
        """
        if not self._loaded.is_set():
            raise Unavailable("Which access tokens have been revoked is not known yet.")

    def settle(self) -> None:
        """Note that the list cannot be had at the moment; tokens are judged by what is known, if there was a list."""
        if self._loaded.is_set():
            self._settled.set()

    def unsettle(self) -> None:
        """Note that some may have been missed."""
        self._settled.clear()

    @property
    def is_settled(self) -> bool:
        """Whether tokens are judged without waiting for a list."""
        return self._settled.is_set()

    def __len__(self) -> int:
        return self._held.count

    def _wait(self) -> None:
        is_loaded = self._loaded.is_set()
        limit = max(0.0, min(WAIT if is_loaded else FIRST_WAIT, deadline.left()))
        if not self._settled.wait(limit) and not self._loaded.is_set():
            raise Unavailable(
                "Which access tokens have been revoked cannot be asked at the moment. Try again later."
            )

    def _reason(self, caller: Caller) -> str:
        signed = caller.signed
        if signed is None:
            return ""
        if signed.issued_at <= self._refused_before:
            return "unknown"
        held = self._held
        found = held.sessions.get(caller.session_id)
        if found is not None:
            return found.reason
        found = held.accounts.get(caller.user_id)
        if found is not None and _is_older(signed.account_version, signed.issued_at, found):
            return found.reason
        if held.roles:
            for role in caller.roles:
                found = held.roles.get(role)
                if found is not None and _is_older(signed.role_versions.get(role), signed.issued_at, found):
                    return found.reason
        return ""

    def _bound(self) -> None:
        """Make room for half of them where there are too many."""
        if self._held.count <= self._max:
            return
        by_age = sorted(self._held, key=lambda one: one.revoked_at, reverse=True)
        kept, dropped = by_age[: self._max // 2], by_age[self._max // 2 :]
        self._refused_before = max(self._refused_before, dropped[0].revoked_at + LEEWAY)
        self._held = _Held()
        for revocation in kept:
            self._held.take(revocation)
        metrics.revocations_merged.inc(len(dropped))

    def _changed(self) -> None:
        for watcher in self.watchers:
            watcher()


class _Held:
    """The newest revocation of each account, session and role."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, Revocation] = {}
        self.sessions: dict[str, Revocation] = {}
        self.roles: dict[str, Revocation] = {}
        self.count = 0

    def take(self, revocation: Revocation) -> bool:
        """Hold it, unless one that covers it is held; return whether it was not."""
        held: dict[Any, Revocation] = self.sessions if revocation.scope == SESSION else self.roles
        subject: UUID | str = revocation.subject
        if revocation.scope == ACCOUNT:
            held, subject = self.accounts, UUID(revocation.subject)
        known = held.get(subject)
        if known is not None and known.version >= revocation.version:
            return False
        self.count += known is None
        held[subject] = revocation
        return True

    def __iter__(self) -> Iterator[Revocation]:
        return chain(self.accounts.values(), self.sessions.values(), self.roles.values())


def _is_older(version: int | None, issued_at: float, revocation: Revocation) -> bool:
    """Return whether what was signed with this version, or at this moment where it has none, is older."""
    if version is not None:
        return version < revocation.version
    return issued_at <= revocation.revoked_at + LEEWAY
