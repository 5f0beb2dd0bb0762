"""The routes, a module for each resource."""

from services.gateway.routes.alerts import alerts
from services.gateway.routes.attachments import attachments
from services.gateway.routes.auth import auth
from services.gateway.routes.catalogues import catalogues
from services.gateway.routes.regions import regions
from services.gateway.routes.reports import reports
from services.gateway.routes.resources import resources
from services.gateway.routes.roles import roles
from services.gateway.routes.statistics import statistics
from services.gateway.routes.users import users

BLUEPRINTS = (auth, users, roles, regions, catalogues, reports, attachments, resources, alerts, statistics)

__all__ = ["BLUEPRINTS"]
