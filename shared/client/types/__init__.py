"""The RPC methods as types: arguments, results and services, a module for each service."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .alerts import AlertsMethods
    from .identity import IdentityMethods
    from .reports import ReportsMethods
    from .resources import ResourcesMethods


class Services:
    """Something through which every method can be called: ``client.reports.create_report(...)``."""

    identity: IdentityMethods
    reports: ReportsMethods
    resources: ResourcesMethods
    alerts: AlertsMethods
