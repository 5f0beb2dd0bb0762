"""The RPC methods as types: arguments, results and services, a module for each service."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.contracts.api.alerts import AlertsMethods
    from shared.contracts.api.identity import IdentityMethods
    from shared.contracts.api.reports import ReportsMethods
    from shared.contracts.api.resources import ResourcesMethods


class Services:
    """Something through which every method can be called: ``client.reports.create_report(...)``."""

    identity: IdentityMethods
    reports: ReportsMethods
    resources: ResourcesMethods
    alerts: AlertsMethods
