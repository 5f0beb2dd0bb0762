"""The operations of the gateway, for tests that are made for each of them."""

from functools import cache

import orjson

from services.gateway.files.storage import FileStore
from services.gateway.http.app import DOCUMENT, create_app
from services.gateway.http.context import Gateway
from services.gateway.live.broadcast import Broadcast
from shared.platform.settings import Settings

VERBS = ("get", "post", "put", "patch", "delete")


def application(rpc=None, verify=None, root="memory://attachments", live=None, **settings):
    """The application without a server, on whatever stands in for the services."""
    parts = Settings(database_urls={}, administration_url="", **settings)
    return create_app(Gateway(rpc, verify, FileStore(root), parts, live or Broadcast()))


@cache
def document():
    """The OpenAPI document."""
    return orjson.loads(application().test_client().get(DOCUMENT).data)


def operations():
    """Every operation that offers an RPC method by its id, with its ``path`` and ``verb``."""
    return {
        operation["operationId"]: {**operation, "path": path, "verb": verb.upper()}
        for path, item in document()["paths"].items()
        for verb, operation in item.items()
        if verb in VERBS and "x-rpc-method" in operation
    }


OPERATIONS = operations()
