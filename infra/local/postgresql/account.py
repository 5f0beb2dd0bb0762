"""The account that a server process runs under, and its way to the files that it needs.

PostgreSQL refuses to run as root. Where we are root the server runs under a system account of its own; where
we are somebody else it runs as that somebody.
"""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT_NAME = "impactx"
"""The system account that is made where we are root."""

logger = logging.getLogger(__name__)


class AccountError(Exception):
    """There is no account for the server to run under; the message says what to do."""


class Identity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that choose the account of a child; empty: our own."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """Who a server process is.

    Attributes:
        user_id: Numeric user.
        group_id: Numeric primary group.
        name: As the password database has it.
    """

    user_id: int
    group_id: int
    name: str

    @property
    def is_ours(self) -> bool:
        """Whether it is the account that we run under ourselves."""
        return self.user_id == os.geteuid()

    def identity(self) -> Identity:
        """How a child is started under this account."""
        if self.is_ours:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Gives a file or directory to this account."""
        if not self.is_ours:
            os.chown(path, self.user_id, self.group_id)

    def open_way_to(self, path: Path) -> None:
        """Makes a directory reachable by letting others pass through its parents, where they may not yet.

        Passing through (``o+x``) shows nobody what a directory contains. Each change is logged.
        """
        if self.is_ours:
            return
        for parent in [*reversed(path.parents), path]:
            status = parent.stat()
            if not self._may(status, stat.S_IXOTH):
                parent.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
                logger.info("let account %s pass through %s (chmod o+x)", self.name, parent)

    def open_tree(self, directory: Path) -> None:
        """Makes the files of an installed package readable, which a strict umask may have prevented."""
        self.open_way_to(directory)
        if self.is_ours:
            return
        changed = 0
        for path in [directory, *directory.rglob("*")]:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                continue
            needed = stat.S_IROTH
            if status.st_mode & stat.S_IXUSR:
                needed |= stat.S_IXOTH
            if not self._may(status, needed):
                path.chmod(stat.S_IMODE(status.st_mode) | needed)
                changed += 1
        if changed:
            logger.warning("made %d files below %s readable for account %s", changed, directory, self.name)

    def _may(self, status: os.stat_result, needed: int) -> bool:
        """Whether the account has the rights `needed`, given in the bits of "others"."""
        if status.st_uid == self.user_id:
            needed <<= 6
        elif status.st_gid == self.group_id:
            needed <<= 3
        return status.st_mode & needed == needed


def account_for(directory: Path) -> Account:
    """The account for a server that keeps its data in `directory`, which need not exist yet.

    Our own, unless we are root: then the owner of the directory where that is not root either (it was made by
    a run without root), else the system account `ACCOUNT_NAME`, which is made if need be.

    Raises:
        AccountError: The directory belongs to somebody else, or the account cannot be made.
    """
    owner = directory.stat().st_uid if directory.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise AccountError(
                f"{directory} belongs to {_name(owner)}, probably because an earlier run was root's. "
                "Run as that user or as root, or choose another directory."
            )
        return Account(os.geteuid(), os.getegid(), _name(os.geteuid()))
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        if owner:
            raise AccountError(f"{directory} belongs to user {owner}, which has no account here.") from None
        entry = _make_system_account()
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _make_system_account() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise AccountError(
            "PostgreSQL does not run as root, and there is no useradd here to make an account for it. "
            f"Make a system account named {ACCOUNT_NAME}, or run as an ordinary user."
        )
    made = subprocess.run(
        [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            ACCOUNT_NAME,
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        raise AccountError(
            f"useradd could not make the account {ACCOUNT_NAME}: {made.stderr.strip()}"
        ) from None
    logger.warning("made the system account %s, because PostgreSQL does not run as root", ACCOUNT_NAME)
    return entry


def _name(user_id: int | None) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name if user_id is not None else "nobody"
    except KeyError:
        return f"user {user_id}"
