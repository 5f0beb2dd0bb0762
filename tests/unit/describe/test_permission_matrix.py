"""What the services declare, and what is published of them, lets in those of the permission matrix."""

import re

from services.cli.describe.methods import every_offer
from shared.client.types.methods import METHODS
from shared.domain.permissions import PERMISSIONS
from shared.platform.rpc.operation import ANYONE, SIGNED_IN
from tests.support.gateway import OPERATIONS
from tests.support.permissions import MATRIX, callers_with
from tests.support.processes import ROOT

DECLARED = {
    f"{service}.{offer.name}": offer.description.permission
    for service, offers in every_offer().items()
    for offer in offers
}


def documented():
    """The permissions of every method in the reference of the RPC methods."""
    text = (ROOT / "docs" / "rpc-methods.md").read_text()
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        service = section.partition("\n")[0].strip()
        for name, needed in re.findall(r"^\| \[`(\w+)`\]\([^)]*\) \| (.*?) \|", section, re.MULTILINE):
            found[f"{service}.{name}"] = re.findall(r"`([^`]+)`", needed) or [needed]
    return found


def test_every_method_needs_permissions_that_exist():
    for method, permissions in DECLARED.items():
        assert permissions, method
        assert set(permissions) <= PERMISSIONS.keys() or set(permissions) <= {ANYONE, SIGNED_IN}, method


def test_the_declarations_let_in_those_of_the_matrix():
    assert {method: callers_with(needed) for method, needed in DECLARED.items()} == MATRIX


def test_the_reference_of_the_methods_says_so():
    assert {method: callers_with(needed) for method, needed in documented().items()} == MATRIX


def test_the_client_says_so():
    assert {method: callers_with(contract.permission) for method, contract in METHODS.items()} == MATRIX


def test_the_openapi_document_says_so():
    for operation in OPERATIONS.values():
        method = operation["x-rpc-method"]
        assert callers_with(operation["x-permission"]) == MATRIX[method], method
