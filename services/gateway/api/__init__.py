"""The routes, a module for each resource."""

from services.gateway.api.alerts import alerts
from services.gateway.api.attachments import attachments
from services.gateway.api.auth import auth
from services.gateway.api.catalogues import catalogues
from services.gateway.api.regions import regions
from services.gateway.api.reports import reports
from services.gateway.api.resources import resources
from services.gateway.api.roles import roles
from services.gateway.api.statistics import statistics
from services.gateway.api.users import users

BLUEPRINTS = (auth, users, roles, regions, catalogues, reports, attachments, resources, alerts, statistics)

__all__ = ["BLUEPRINTS"]
