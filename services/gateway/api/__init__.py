"""The routes, a module for each resource."""

from services.gateway.api.reports import reports

BLUEPRINTS = (reports,)

__all__ = ["BLUEPRINTS"]
