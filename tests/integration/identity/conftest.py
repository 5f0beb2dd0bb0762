"""A seeded database for the tests of identity, and short ways to say who does what."""

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.identity import authority, regions, roles, schemas, seed, sessions, users
from services.identity.password_hashing import PasswordHasher
from services.identity.region_locator import RegionLocator
from services.identity.tokens import Signer
from shared.domain import CONTRACTS
from shared.platform.db.engine import Database
from shared.platform.rpc.context import Caller
from shared.platform.rpc.tokens import TokenVerifier
from shared.platform.schemas import load
from tests.support import postgresql as postgresql_support
from tests.support.regions import add_regions

ADMIN_EMAIL = "admin@impactx.example"
PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


def private_key() -> str:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )


@dataclass
class World:
    """identity on a database of its own.

    Every method loads its arguments through the schema of the RPC method, as the service does.
    """

    database: Database
    admin_url: str
    secrets: sessions.Secrets = field(
        default_factory=lambda: sessions.Secrets(Signer(private_key()), PasswordHasher(4), 3600)
    )
    locator: RegionLocator = field(default_factory=RegionLocator)

    def email(self) -> str:
        return f"person-{next(_numbers)}@impactx.example"

    def register(self, caller=None, **arguments):
        given = {"email": self.email(), "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace"}
        loaded = load(schemas.RegisterUser(), {**given, **arguments})
        return users.register_user(self.database, caller, self.secrets.hasher, loaded)

    def sign_in(self, email, password=PASSWORD, address=None, device_token=None):
        return sessions.authenticate(
            self.database,
            self.secrets,
            email=email,
            password=password,
            address=address,
            device_token=device_token,
        )

    def update_user(self, caller, **arguments):
        loaded = load(schemas.UpdateUser(), _plain(arguments))
        return users.update_user(
            self.database, caller, self.secrets.hasher, loaded["user_id"], loaded["version"], loaded
        )

    def refresh(self, tokens, call_id=None):
        return sessions.refresh(
            self.database, self.secrets, refresh_token=tokens["refresh_token"], id=call_id
        )

    def verify(self, tokens) -> Caller:
        return TokenVerifier(self.secrets.signer.jwks).verify(tokens["access_token"], "test")

    def caller(self, *roles, **arguments) -> Caller:
        """Somebody new with these roles, signed in."""
        account = self.register(
            self.admin() if roles else None, **arguments, **({"roles": list(roles)} if roles else {})
        )
        return self.verify(self.sign_in(account["email"]))

    def admin(self) -> Caller:
        return self.verify(self.sign_in(ADMIN_EMAIL))

    def role(self, *permissions, name=None):
        name = name or f"role-{next(_numbers)}"
        self.write(roles.create_role, self.admin(), schemas.CreateRole, name=name, permissions=permissions)
        return name

    def region(self, code=None, boundaries=None, **arguments):
        given = {"code": code or f"R{next(_numbers)}", "name": "Somewhere", "boundaries": boundaries}
        return self.write(regions.create_region, self.admin(), schemas.CreateRegion, **{**given, **arguments})

    def write(self, operation, caller, schema, /, **arguments):
        loaded = load(schema(), _plain(arguments))
        with self.database.write() as connection:
            return operation(connection, caller, **_passed(operation, {**loaded, "locator": self.locator}))

    def read(self, query, *positional, schema=None, **arguments):
        loaded = load(schema(), _plain(arguments)) if schema else arguments
        with self.database.read() as connection:
            return query(connection, *positional, **loaded)

    def user(self, user_id):
        return self.read(authority.read_user, user_id)

    def sql(self, statement, *parameters):
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def events(self, subject):
        """What the outbox holds of a thing, in order, each checked against its contract."""
        rows = self.sql(
            "SELECT type, sequence, data, correlation_id FROM identity.outbox WHERE subject = %s ORDER BY seq",
            subject,
        )
        found = [
            SimpleNamespace(type=row[0], sequence=row[1], data=row[2], correlation_id=row[3]) for row in rows
        ]
        for event in found:
            assert CONTRACTS["identity", event.type].schema().validate(event.data) == {}
            assert event.sequence == event.data["version"]
        return found


@pytest.fixture(scope="module")
def world(postgresql):
    made = postgresql_support.fresh_database(postgresql)
    database = Database(made.url("identity"), pool_size=10)
    with database.write() as connection:
        seed.seed(connection, admin_email=ADMIN_EMAIL, admin_password=PASSWORD, bcrypt_cost=4)
    add_regions(made.admin_url)
    yield World(database, made.admin_url)
    database.close()
    made.drop()


def _passed(operation, loaded):
    """Those of the arguments that the operation names, and all of them as its `arguments`."""
    names = inspect.signature(operation).parameters
    named = {name: value for name, value in loaded.items() if name in names}
    arguments = {name: value for name, value in loaded.items() if name != "locator"}
    return {**named, "arguments": arguments} if "arguments" in names else named


def _plain(value):
    """Ids as callers send them."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
