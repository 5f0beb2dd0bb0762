"""The blueprint of a resource: a table of routes, each of which offers one RPC method over HTTP.

What a route does follows from the method's schemas. Arguments that the address names come from there, ``version``
from If-Match, ``id`` also from Idempotency-Key, ``address`` from the connection, and the others from the query of a GET
or the body of any other request. A result with a version has it as its ETag; a page has a link to the next one. The
OpenAPI document agrees with that, because `services.gateway.openapi.operations` describes the same `Route`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Unpack

import flask_smorest
from flask import request

from services.gateway.http import requests, responses
from services.gateway.http.context import bound_call, call, gateway, signed_in_caller
from services.gateway.http.errors import PreconditionFailed
from services.gateway.http.page_cache import KNOWN_VERSION
from services.gateway.openapi.operations import describe
from services.gateway.routes.route import Offering, Route
from shared.client.errors import Conflict
from shared.client.types.methods import METHODS
from shared.domain.exporting import Table
from shared.platform.rpc.operation import ANYONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from flask import Response

    from shared.platform.schemas import Arguments, Result

PREFIX: Final = "/api/v1"
DETAIL: Final = "detail"


class ResourceBlueprint(flask_smorest.Blueprint):
    """The routes of one resource.

    Args:
        name: The name of the resource, which tags its operations in the document.
        description: A sentence that describes it.
    """

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, url_prefix=PREFIX, description=description)
        self.offered: list[Route] = []

    def offer(
        self,
        verb: str,
        rule: str,
        method: str,
        arguments: type[Arguments] | Arguments,
        result: type[Result] | None = None,
        **offering: Unpack[Offering],
    ) -> None:
        """Offer an RPC method.

        Args:
            verb: GET, POST, PUT, PATCH or DELETE.
            rule: The address below ``/api/v1``, with the arguments that it names.
            method: ``service.method``.
            arguments: The schema of its arguments; an instance where only some of them are offered.
            result: The schema of its result; None where it returns nothing.
            offering: ``location_template`` for a method that creates an object: its address, with the names of its
                fields; ``geometry`` for a list that is also offered as GeoJSON: the field with the geometry; ``csv``
                for a list that is also offered as CSV; ``name`` of the operation, where a method is offered twice.
        """
        schema = arguments() if isinstance(arguments, type) else arguments
        route = Route(verb, rule, method, schema, result, **offering)
        self.offered.append(route)
        view = _View(route)
        function = _named(view, route.operation)
        vars(function)["_apidoc"] = {"manual_doc": describe(route)}  # where flask-smorest keeps it
        self.add_url_rule(rule, route.operation, function, methods=[verb])


def _named(view: _View, name: str) -> Callable[..., Response]:
    """Return the view as a function of this name, which Flask needs."""

    def function(**path: str | UUID) -> Response:
        return view(path)

    function.__name__ = name
    return function


@dataclass(frozen=True, slots=True)
class _View:
    route: Route
    table: Table | None = field(init=False)

    def __post_init__(self) -> None:
        item = self.route.item if self.route.csv else None
        named = ANYONE not in METHODS[self.route.method].permission
        object.__setattr__(self, "table", None if item is None else Table(item, named=named))

    def __call__(self, path: Mapping[str, str | UUID]) -> Response:
        route = self.route
        if ANYONE not in METHODS[route.method].permission:
            signed_in_caller()
        arguments = self._arguments(path)
        if route.item is not None:
            return self._page(arguments)
        try:
            result = call(route.method, arguments)
        except Conflict as error:
            raise _stale(error, arguments) from None
        if route.result is None:
            return responses.nothing()
        response = responses.json_response(
            result, status=201 if route.location_template else 200, has_etag=route.has_etag
        )
        if route.location_template:
            response.headers["Location"] = PREFIX + route.location_template.format_map(result)
        elif route.has_etag and "<uuid:" in route.rule and str(result["id"]) not in map(str, path.values()):
            # an update of an issued alert creates another alert
            response.headers["Content-Location"] = PREFIX + route.rule.partition("<")[0] + result["id"]
        return response if route.verb == "GET" else responses.as_preferred(response)

    def _arguments(self, path: Mapping[str, str | UUID]) -> dict[str, Any]:
        route = self.route
        if route.verb == "GET":
            given = requests.query_arguments(route.arguments)
            requests.refuse_unknown(given, {*path, KNOWN_VERSION})
            return {**given, **path}
        requests.refuse_query()
        given = {}
        if route.body_fields:
            types = requests.PATCH_TYPES if route.verb == "PATCH" else requests.JSON_TYPES
            given = requests.json_object(types, may_be_missing=not route.body_required)
            requests.refuse_unknown(given, route.forbidden_fields)
        given.update(path)
        if route.needs_version or (route.is_versioned and "If-Match" in request.headers):
            given["version"] = requests.version_seen()
        if route.has_address:
            given["address"] = request.remote_addr
        if route.location_template and given.get("id") is None:
            made = requests.idempotent_id(route.method)
            given |= {"id": made} if made else {}
        return given

    def _page(self, arguments: dict[str, Any]) -> Response:
        route = self.route
        media_type = responses.chosen_type(route.media_types)
        if self.table is not None:
            shown, arguments = requests.table_options(arguments)
            if media_type == responses.CSV:
                table = self.table.shown(**shown)
                return responses.csv_response(bound_call(), route.method, arguments, table)
        if media_type == responses.GEOJSON and "include_boundaries" in route.arguments.fields:
            arguments = {"include_boundaries": True, **arguments}
        geometry = route.geometry or None
        extra = {}
        if media_type == responses.GEOJSON and DETAIL in route.arguments.fields:
            # An import must not take outlines for the boundaries.
            extra[DETAIL] = arguments.get(DETAIL, route.arguments.fields[DETAIL].load_default)
        if not route.is_kept:
            return responses.page_response(call(route.method, arguments) | extra, media_type, geometry)
        return gateway().pages.get(
            route.method,
            arguments,
            media_type,
            call,
            lambda page: responses.page_response(page | extra, media_type, geometry),
        )


def _stale(error: Conflict, arguments: dict[str, Any]) -> Conflict | PreconditionFailed:
    """Return the error for a conflict: one of versions means that the condition of If-Match failed."""
    present = error.details.get("version")
    if "version" not in arguments or present in (None, arguments["version"]):
        return error
    failed = PreconditionFailed(error.message, fields=error.fields)
    failed.details = error.details
    return failed
