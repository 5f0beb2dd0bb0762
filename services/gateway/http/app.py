"""The application: blueprints, errors, identification, and the document that describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import flask_smorest
from flask import Flask
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.middleware.proxy_fix import ProxyFix

from services.gateway.feeds import routes as feeds
from services.gateway.http import context, errors, health
from services.gateway.http.middleware import access, browsers, limits
from services.gateway.live.route import live
from services.gateway.openapi.operations import Problem
from services.gateway.openapi.schemas import DESCRIPTION, complete, marshmallow_plugin
from services.gateway.routes import alerts, attachments, catalogues, identity, reports, resources
from services.gateway.routes.blueprint import PREFIX
from services.gateway.web import page
from shared.client.request import MAX_BODY

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from services.gateway.http.context import Gateway

VERSION: Final = "1"
DOCUMENT: Final = f"{PREFIX}/openapi.json"
BLUEPRINTS: Final = (
    identity.auth,
    identity.users,
    identity.roles,
    identity.regions,
    catalogues.catalogues,
    reports.reports,
    attachments.attachments,
    resources.resources,
    alerts.alerts,
    reports.statistics,
    live,
    feeds.feeds,
)
"""In the order in which the document shows them."""

DOCUMENTATION: Final = f"{PREFIX}/docs"


def create_app(gateway: Gateway) -> Flask:
    """Return a WSGI application with these parts."""
    app = Flask("services.gateway", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        API_TITLE="ImpactX",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}},
    )
    app.url_map.strict_slashes = False
    # In this order before a request; what they do to its response, they do in the opposite one.
    access.install(app)
    browsers.add_security_headers(app, DOCUMENTATION)
    errors.install(app)
    context.install(app, gateway)
    browsers.allow_origins(app, gateway.settings.http_cors_origins)
    limits.install(app, gateway.settings)
    health.install(app, gateway)
    feeds.install(app, gateway)
    api = _Api(app, spec_kwargs={"marshmallow_plugin": marshmallow_plugin()})
    api.spec.components.schema(Problem.__name__, schema=Problem)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    document = complete(api.spec.to_dict())
    app.add_url_rule(DOCUMENT, "openapi", lambda: _document(document))
    app.register_blueprint(
        get_swaggerui_blueprint(DOCUMENTATION, DOCUMENT, config={"app_name": "ImpactX", "deepLinking": True})
    )
    page.install(app, gateway.settings)
    if gateway.settings.http_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=gateway.settings.http_proxies)  # type: ignore[method-assign]
    return app


class _Api(flask_smorest.Api):
    """flask-smorest's API without its own error responses."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Register none: `services.gateway.http.errors` handles all errors. Called by flask-smorest."""


def _document(document: bytes) -> ResponseReturnValue:
    return document, {"Content-Type": "application/json", "Cache-Control": "no-cache"}
