"""A service beside identity in this process, and people of every role who call it."""

from __future__ import annotations

from contextlib import contextmanager

from uuid6 import uuid7

from infra.local.instance_dir import private_key_pem
from services.identity.seed import seed as seed_identity
from services.identity.service import IdentityService
from shared.client.errors import Forbidden, ImpactXError, Invalid, Unauthenticated
from shared.client.rpc import RpcClient
from shared.domain import topology
from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.amqp.declare import declare_everything
from shared.platform.db.engine import Database
from shared.platform.outbox.subscribe import subscribe
from shared.platform.runtime import Runtime
from shared.platform.settings import MEMORY_BROKER, Settings
from tests.support.inprocess import inprocess_broker
from tests.support.postgresql import fresh_database
from tests.support.regions import add_regions

ADMIN_EMAIL, PASSWORD = "admin@impactx.example", "correct horse battery"


def _seed_identity(connection):
    seed_identity(connection, admin_email=ADMIN_EMAIL, admin_password=PASSWORD, bcrypt_cost=4)


def _stand_in(running_services: set[str]) -> type:
    """A service that hears every queue of the services that do not run, and forgets what it hears.

    The in-process broker confirms an event once each of its queues has handled it; the relay would wait in vain.
    """

    def forget(_self, _events):
        pass

    handlers = {
        f"hear_{number}": subscribe(subscription.queue)(forget)
        for number, subscription in enumerate(topology.SUBSCRIPTIONS)
        if subscription.service not in running_services
    }
    return type("StandIn", (), {"name": "stand_in", **handlers})


@contextmanager
def running(service_class, seed):
    """The service and identity on the in-process broker, seeded; gives a client that is nobody yet."""
    database = fresh_database()
    add_regions(database.admin_url)
    urls = {}
    for service, add in (("identity", _seed_identity), (service_class.name, seed)):
        urls[service] = database.url(service)
        db = Database(urls[service], pool_size=1)
        with db.write() as connection:
            add(connection)
        db.close()
    settings = Settings(
        database_urls=urls, administration_url="", jwt_private_key=private_key_pem(), bcrypt_cost=4
    )
    services = [IdentityService, service_class]
    runtime = Runtime([*services, _stand_in({service.name for service in services})], settings)
    with inprocess_broker():
        # Events wait for every queue that has to hear them, also those of services that do not run here.
        declare_everything(MEMORY_BROKER, quorum=False)
        runtime.start()
        try:
            with RpcClient(MEMORY_BROKER, name=f"tests of {service_class.name}") as client:
                yield client
        finally:
            runtime.stop()
            database.drop()


class Person:
    """Somebody who is signed in; ``person.get_report(...)`` calls the service that it is made for."""

    def __init__(self, client: RpcClient, service: str, email: str = ADMIN_EMAIL):
        self._client = client
        self._service = service
        tokens = client.call("identity.authenticate", {"email": email, "password": PASSWORD}, token="")
        self.token = tokens["access_token"]

    def call(self, method, service=None, **arguments):
        return self._client.call(f"{service or self._service}.{method}", arguments, token=self.token)

    def __getattr__(self, method):
        return lambda **arguments: self.call(method, **arguments)

    def another(self, role: str) -> Person:
        """Somebody else with this role, made by this administrator."""
        email = f"{role}-{uuid7()}@impactx.example"
        names = {"first_name": "Ada", "last_name": "Lovelace"}
        self.call("register_user", "identity", email=email, password=PASSWORD, roles=[role], **names)
        return Person(self._client, self._service, email)


def people_of(administrator: Person) -> dict[str, Person]:
    """Somebody of each default role."""
    return {role: administrator.another(role) for role in DEFAULT_ROLES}


def outcome(call):
    """What a call without arguments meets; who may not call is told so before the arguments are looked at."""
    try:
        call()
    except (Forbidden, Unauthenticated) as error:
        return type(error)
    except ImpactXError as error:
        return "allowed" if isinstance(error, Invalid) else error
    return "allowed"
