"""resources beside identity on the in-process broker: who may call what, and the way of a shelter through a day."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import pytest

from infra.embedded import broker as embedded_broker
from infra.embedded.home import private_key_pem
from services.identity import operations as identity_operations
from services.identity.service import IdentityService
from services.resources import operations
from services.resources.service import ResourcesService
from shared.contracts.permissions import DEFAULT_ROLES
from shared.db.engine import Database
from shared.errors import Conflict, Forbidden, ImpactXError, Invalid, NotFound, Unauthenticated
from shared.rpc.client import RpcClient
from shared.rpc.server import Method
from shared.runtime import Runtime
from shared.settings import MEMORY_BROKER, Settings
from tests.support.postgresql import fresh_database
from tests.support.waiting import eventually

EMAIL, PASSWORD = "admin@impactx.example", "correct horse battery"

SIGNED_IN = frozenset(DEFAULT_ROLES)
MANAGERS = frozenset({"administrator", "coordinator", "system"})
FIELD = MANAGERS | {"responder"}

# Written down once more, and not read from the declarations that it checks.
ALLOWED = {
    "get_resource": SIGNED_IN,
    "list_resources": SIGNED_IN,
    "list_available_resources": SIGNED_IN,
    "find_nearest_resources": SIGNED_IN,
    "get_resource_history": SIGNED_IN,
    "list_usage_changes": SIGNED_IN,
    "list_resource_types": SIGNED_IN,
    "create_resource": MANAGERS,
    "import_resources": MANAGERS,
    "update_resource": FIELD,
    "change_resource_status": FIELD,
    "update_resource_usage": FIELD,
    "create_resource_type": frozenset({"administrator", "coordinator"}),
    "update_resource_type": frozenset({"administrator", "coordinator"}),
    "deactivate_resource_type": frozenset({"administrator", "coordinator"}),
}


@dataclass
class System:
    """The running services, with a token for somebody of each role."""

    client: RpcClient
    tokens: dict[str | None, str]

    def call(self, method, role="coordinator", **arguments):
        return self.client.call(method, arguments, token=self.tokens[role])


def seeded(database):
    """identity and resources with what every installation begins with."""
    for service, seed in (
        (
            "identity",
            lambda connection: identity_operations.seed(
                connection, admin_email=EMAIL, admin_password=PASSWORD, bcrypt_cost=4
            ),
        ),
        ("resources", operations.seed),
    ):
        db = Database(database.url(service))
        with db.write() as connection:
            seed(connection)
        db.close()


@pytest.fixture(scope="module")
def system():
    database = fresh_database()
    seeded(database)
    settings = Settings(
        database_urls={service: database.url(service) for service in ("identity", "resources")},
        administration_url="",
        jwt_private_key=private_key_pem(),
        bcrypt_cost=4,
    )
    embedded_broker.install()
    runtime = Runtime([IdentityService, ResourcesService], settings)
    runtime.start()
    with RpcClient(MEMORY_BROKER, name="resources") as client:
        made = System(client, {None: ""})

        def token(email):
            arguments = {"email": email, "password": PASSWORD}
            return client.call("identity.authenticate", arguments, token="")["access_token"]

        made.tokens["administrator"] = token(EMAIL)
        for role in SIGNED_IN - {"administrator"}:
            email = f"{role}@impactx.example"
            person = {"email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}
            made.call("identity.register_user", "administrator", roles=[role], **person)
            made.tokens[role] = token(email)
        yield made
    runtime.stop()
    database.drop()


def test_the_table_names_every_method():
    declared = {
        name
        for name, method in vars(ResourcesService).items()
        for entrypoint in getattr(method, "nameko_entrypoints", ())
        if isinstance(entrypoint, Method)
    }
    assert declared == set(ALLOWED)


@pytest.mark.parametrize("method", sorted(ALLOWED))
def test_only_who_may_calls(system, method):
    for role in system.tokens:
        refused = Unauthenticated if role is None else Forbidden
        expected = "allowed" if role in ALLOWED[method] else refused
        try:
            # Who may not call is told so before the arguments are looked at.
            system.call(f"resources.{method}", role)
            outcome = "allowed"
        except ImpactXError as error:
            outcome = "allowed" if isinstance(error, Invalid) else type(error)
        assert outcome == expected, role


def test_the_way_of_a_shelter(system):
    square = [[[-83, 27], [-82, 27], [-82, 28], [-83, 28], [-83, 27]]]
    region = system.call(
        "identity.create_region",
        name="Bay",
        code=f"BAY-{uuid4()}",
        boundaries={"type": "Polygon", "coordinates": square},
    )
    types = system.call("resources.list_resource_types", "viewer")["items"]
    shelter = next(row for row in types if row["name"] == "Shelter")
    place = {"type": "Point", "coordinates": [-82.5, 27.5], "address": "1 Harbour Road"}
    given = {"name": "School", "resource_type_id": shelter["id"], "location": place, "capacity": 3}

    resource = system.call("resources.create_resource", **given)
    assert resource["region_id"] == region["id"]

    change = {"resource_id": resource["id"], "id": str(uuid4()), "usage_change": 2}
    first = system.call("resources.update_resource_usage", "responder", **change)
    assert (first["current_usage"], first["remaining"]) == (2, 1)
    assert system.call("resources.update_resource_usage", "responder", **change) == first
    with pytest.raises(Conflict) as caught:
        system.call("resources.update_resource_usage", "responder", **change | {"id": str(uuid4())})
    assert caught.value.details["remaining"] == 1

    near = system.call("resources.find_nearest_resources", "reporter", lon=-82.5, lat=27.51, needed=1)
    assert near["items"][0]["id"] == resource["id"]
    assert near["items"][0]["distance_m"] == pytest.approx(1112, abs=1)

    shut = system.call(
        "resources.change_resource_status",
        "responder",
        resource_id=resource["id"],
        version=first["version"],
        status="unavailable",
        notes="flooded",
    )
    assert shut["status"] == "unavailable"
    assert system.call("resources.find_nearest_resources", lon=-82.5, lat=27.51)["items"] == []

    def history():
        return system.call("resources.get_resource_history", "viewer", resource_id=resource["id"])["items"]

    eventually(lambda: len(history()) == 2, "the history")
    assert [(entry["status"], entry["version"]) for entry in history()] == [
        ("available", 1),
        ("unavailable", 3),
    ]
    ledger = system.call("resources.list_usage_changes", "viewer", resource_id=resource["id"])["items"]
    assert ledger == [first]


def test_rows_are_put_into_the_region_of_their_place(system):
    types = system.call("resources.list_resource_types")["items"]
    row = {"name": "Boat", "resource_type_id": types[0]["id"]}
    sea = {"type": "Point", "coordinates": [-150.0, -60.0]}
    inside = {"type": "Point", "coordinates": [-82.4, 27.4]}
    square = [[[-83, 27], [-82, 27], [-82, 28], [-83, 28], [-83, 27]]]
    boundaries = {"type": "Polygon", "coordinates": square}
    system.call("identity.create_region", name="Bay", code=f"BAY-{uuid4()}", boundaries=boundaries)
    result = system.call(
        "resources.import_resources", rows=[{**row, "location": place} for place in (inside, sea)]
    )
    assert result["stored"] == 1
    assert [(refusal["row"], refusal["error"]) for refusal in result["refused"]] == [(1, "invalid")]
    stored = system.call("resources.get_resource", resource_id=result["ids"][0])
    assert stored["location"] == inside


def test_what_is_not_there(system):
    with pytest.raises(NotFound):
        system.call("resources.get_resource", resource_id=str(uuid4()))
    with pytest.raises(Invalid) as caught:
        system.call(
            "resources.create_resource",
            name="Raft",
            resource_type_id=str(uuid4()),
            location={"type": "Point", "coordinates": [-150.0, -60.0]},
        )
    assert set(caught.value.fields) == {"region_id"}
