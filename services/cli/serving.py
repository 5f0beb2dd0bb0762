"""The commands that serve: `run` for everything in one process, `serve` for chosen services; and `generate-key`."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import OperationalError

from infra.local.control_socket import ControlSocket
from infra.local.instance_dir import ADMINISTRATOR, InstanceDirectory, private_key_pem
from services.cli import backups, loading
from services.cli.database import add_seeds
from shared.client.errors import Unavailable
from shared.client.rpc import RpcClient
from shared.domain.topology import SERVICES
from shared.platform.amqp.declare import declare_everything
from shared.platform.db.revisions import require_schema
from shared.platform.runtime import Runtime
from shared.platform.settings import MEMORY_BROKER, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.platform.settings import Settings

logger = logging.getLogger(__name__)


@click.command()
@click.pass_obj
def run(settings: Settings) -> None:
    """Run the database, the broker and all services.

    PostgreSQL runs beside this process, the message broker and the services inside of it. Ctrl-C stops everything.
    """
    began = time.monotonic()
    instance = InstanceDirectory(settings.home)
    password_is_new = settings.admin_password is None and not instance.knows(ADMINISTRATOR)
    with embedded(instance, settings) as (own, runtime, _):
        url = loading.http_url(runtime)
        click.echo(_addresses(instance, own, url, password_is_new=password_is_new))
        click.echo(f"\nReady after {time.monotonic() - began:.1f} s. Press Ctrl-C to stop.")
        runtime.run_until_stopped()
    click.echo("Stopped.")


@click.command()
@click.argument("services", nargs=-1, required=True, type=click.Choice(loading.NAMES))
@click.pass_obj
def serve(settings: Settings, services: tuple[str, ...]) -> None:
    """Serve one or more services in this process.

    They use the message broker of AMQP_URI and the database of DATABASE_URL. The gateway needs no database. It serves
    HTTP at IMPACTX_HTTP_HOST and IMPACTX_HTTP_PORT.
    """
    if settings.amqp_uri == MEMORY_BROKER:
        raise SettingError(
            "Set AMQP_URI to the URL of the message broker; only the `run` command works without."
        )
    with_schema = [name for name in services if name in SERVICES]
    for name in with_schema:
        settings.database_url(name)
    if "identity" in services and not settings.jwt_private_key:
        raise SettingError(
            "Set IMPACTX_JWT_PRIVATE_KEY to the key that signs access tokens; `generate-key` prints a new one."
        )
    for name in with_schema:
        _require_schema(settings, name)
    runtime = Runtime([loading.service_class(name) for name in services], settings)
    runtime.start()
    where = f" at {loading.http_url(runtime)}" if "gateway" in services else ""
    health = f"; probes and metrics at {runtime.health_url}" if runtime.health_url else ""
    click.echo(f"serving {', '.join(services)}{where}{health}")
    sys.stdout.flush()
    runtime.run_until_stopped()


@click.command("generate-key")
def generate_key() -> None:
    """Print a new private key for signing access tokens.

    Set IMPACTX_JWT_PRIVATE_KEY to it.
    """
    click.echo(private_key_pem(), nl=False)


@contextmanager
def embedded(instance: InstanceDirectory, given: Settings) -> Iterator[tuple[Settings, Runtime, RpcClient]]:
    """Run a whole system in this process, migrated and seeded.

    Args:
        instance: Where the system keeps its data.
        given: Settings that take precedence over those of the instance.

    Yields:
        The settings of the system, what runs it, and a client that is signed in as its administrator.
    """
    instance.start_database(SERVICES)
    backup = None
    try:
        backup = backups.continuous(given, instance)
        settings = instance.settings(given, SERVICES)
        loading.migrate(settings.administration_url, SERVICES, "head")
        add_seeds(settings)
        # Ahead, as on a broker: else the first events wait in the outbox until the last listener has come.
        declare_everything(settings.amqp_uri, quorum=settings.rpc_quorum)
        runtime = Runtime([loading.service_class(name) for name in loading.NAMES], settings)
        runtime.start()
        client = RpcClient(
            settings.amqp_uri, email=settings.admin_email, password=settings.admin_password or "", name="door"
        )
        control_socket = ControlSocket(instance.socket, client)
        try:
            control_socket.open()
            if backup is not None:
                backup.start()
            yield settings, runtime, client
        finally:
            if backup is not None:
                backup.stop()
            control_socket.close()
            runtime.stop()
            client.close()
    finally:
        instance.stop_database()
        if backup is not None:
            backup.join()


def _require_schema(settings: Settings, service: str) -> None:
    """Refuse to serve a schema that is too old; where the database is away, readiness checks the schema later."""
    try:
        require_schema(settings.database_url(service), service)
    except (OperationalError, Unavailable) as error:
        logger.warning("the schema of %s is not checked yet, as the database is away: %s", service, error)


def _addresses(instance: InstanceDirectory, settings: Settings, url: str, *, password_is_new: bool) -> str:
    where = f'in {instance.secrets}, under "{ADMINISTRATOR}"'
    password = f"{settings.admin_password}   (not shown again; it is {where})" if password_is_new else where
    return f"""
PostgreSQL      127.0.0.1:{instance.postgresql.port}, database impactx, data in {settings.home}/
backups         {settings.backups or "none; IMPACTX_BACKUPS names a directory for them"}
broker          inside this process
services        {", ".join(SERVICES)}, by RPC
situation page  {url}/
HTTP            {url}/api/v1, described at {url}/api/v1/docs/
administrator   {settings.admin_email}
password        {password}

Try it in another terminal:
  .venv/bin/python -m services call reports.list_reports '{{"status": ["pending"]}}'
  make demo"""
