"""Every RPC method of a running system lets in those of the permission matrix, and turns the others away."""

import pytest

from shared.client.errors import Forbidden, ImpactXError, Invalid, Unauthenticated
from shared.domain.permissions import DEFAULT_ROLES
from tests.support.permissions import ANONYMOUS, CALLERS, IN_ONE_REGION, MATRIX, REGIONAL_PERMISSIONS

PASSWORD = "correct horse battery"


def outcome(client, method, token):
    """How a call with an unknown argument ends: who may not call is told so before the arguments are looked at."""
    try:
        client.call(method, {"no_such_argument": 1}, token=token)
    except (Forbidden, Unauthenticated) as error:
        return type(error)
    except Invalid:
        return "allowed"
    except ImpactXError as error:
        return error
    return "the argument was accepted"


@pytest.fixture(scope="module")
def tokens(running, administrator):
    """An access token of every caller of the matrix."""
    [region] = administrator.identity.list_regions(codes=["HT"])["items"]
    narrowed = [f"{permission}:{region['code']}" for permission in sorted(REGIONAL_PERMISSIONS)]
    administrator.identity.create_role(name="matrix-regional", permissions=narrowed)
    made = {ANONYMOUS: ""}
    with running.nobody() as nobody:
        for caller, role in [*((role, role) for role in DEFAULT_ROLES), (IN_ONE_REGION, "matrix-regional")]:
            credentials = {"email": f"matrix-{role}@impactx.example", "password": PASSWORD}
            administrator.identity.register_user(
                **credentials, first_name="Ada", last_name="Lovelace", roles=[role]
            )
            made[caller] = nobody.identity.authenticate(**credentials)["access_token"]
    return made


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_is_let_in_where_the_matrix_says_so(running, tokens, caller):
    refused = Unauthenticated if caller == ANONYMOUS else Forbidden
    expected = {method: "allowed" if caller in callers else refused for method, callers in MATRIX.items()}
    with running.nobody() as nobody:
        assert {method: outcome(nobody, method, tokens[caller]) for method in MATRIX} == expected


def test_with_a_forged_token_every_method_is_closed(running, tokens):
    header, claims, signature = tokens["administrator"].split(".")
    forged = ".".join((header, claims, signature[::-1]))
    with running.nobody() as nobody:
        for method in MATRIX:
            assert outcome(nobody, method, forged) is Unauthenticated, method
