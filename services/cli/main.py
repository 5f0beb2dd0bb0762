"""The command line: run, serve, migrate, seed, call, import and the rest."""

import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson
from sqlalchemy.exc import OperationalError

from infra.local.control_socket import ControlSocket
from infra.local.instance_dir import ADMINISTRATOR, InstanceDirectory, private_key_pem
from infra.local.postgresql.account import AccountError
from infra.local.postgresql.postmaster import PostgresqlError
from infra.postgres.bootstrap import BootstrapError
from infra.postgres.bootstrap import bootstrap as bootstrap_roles
from services.cli import exporting, loading
from services.cli.broker_users import broker_users
from services.cli.dead_letters import dead_letters
from services.cli.demo import demonstrate
from services.cli.describe import describe
from services.cli.importing.identity import import_regions
from services.cli.importing.reports import import_reports
from services.cli.importing.resources import import_resources
from shared.client.errors import ImpactXError, Unavailable
from shared.client.rpc import RpcClient
from shared.domain.topology import SERVICES
from shared.platform.amqp.declare import declare_everything
from shared.platform.db.engine import Database
from shared.platform.db.revisions import SchemaError, require_schema
from shared.platform.observability import logs
from shared.platform.rpc.local import LocalClient, is_open
from shared.platform.runtime import Runtime
from shared.platform.settings import MEMORY_BROKER, SettingError, Settings, from_environment

logger = logging.getLogger(__name__)

SERVING = ("run", "serve")
"""Commands whose log is for an operator; the others are talking to a person, who wants to hear of trouble alone."""


class Commands(click.Group):
    """Says what an operator can mend as one sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Called by click."""
        try:
            return super().invoke(ctx)
        except (
            ImpactXError,
            SettingError,
            SchemaError,
            BootstrapError,
            PostgresqlError,
            AccountError,
        ) as error:
            raise click.ClickException(str(error)) from error
        except OperationalError as error:
            raise click.ClickException(f"The database cannot be used: {error.orig}") from error
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Runs ImpactX and talks to it."""
    context.obj = from_environment(SERVICES)
    logs.configure(context.obj.log_level or ("INFO" if context.invoked_subcommand in SERVING else "WARNING"))


@main.command()
@click.pass_obj
def run(settings: Settings) -> None:
    """Starts everything in this process: PostgreSQL, the broker and all services. Ctrl-C stops it."""
    began = time.monotonic()
    home = InstanceDirectory(settings.home)
    password_is_new = settings.admin_password is None and not home.knows(ADMINISTRATOR)
    with embedded(home, settings) as (own, runtime, _):
        url = loading.http_url(runtime)
        click.echo(_where_everything_is(home, own, url, password_is_new=password_is_new))
        click.echo(f"\nReady after {time.monotonic() - began:.1f} s. Ctrl-C stops it.", nl=True)
        runtime.run_until_stopped()
    click.echo("Stopped.")


@main.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(loading.NAMES))
@click.pass_obj
def serve(settings: Settings, names: tuple[str, ...]) -> None:
    """Serves some services in this process, on the broker of AMQP_URI and the database of DATABASE_URL.

    The gateway needs no database; it serves HTTP at IMPACTX_HTTP_HOST and IMPACTX_HTTP_PORT.
    """
    if settings.amqp_uri == MEMORY_BROKER:
        raise SettingError("Set AMQP_URI to the broker; `run` is the command that needs none.")
    for name in names:
        if name in SERVICES:
            settings.database_url(name)
    if "identity" in names and not settings.jwt_private_key:
        raise SettingError(
            "Set IMPACTX_JWT_PRIVATE_KEY, which identity signs with; `generate-key` makes one."
        )
    for name in names:
        if name in SERVICES:
            _require_schema(settings, name)
    runtime = Runtime([loading.service_class(name) for name in names], settings)
    runtime.start()
    where = f" at {loading.http_url(runtime)}" if "gateway" in names else ""
    health = f"; probes and metrics at {runtime.health_url}" if runtime.health_url else ""
    click.echo(f"serving {', '.join(names)}{where}{health}")
    sys.stdout.flush()
    runtime.run_until_stopped()


@main.command()
@click.pass_obj
def bootstrap(settings: Settings) -> None:
    """Makes roles and schemas in the database of DATABASE_URL; passwords come from the environment.

    IMPACTX_<SERVICE>_DATABASE_PASSWORD sets the password of a service's role; without it the present one stays.
    """
    bootstrap_roles(_administration_url(settings), settings.database_passwords)
    click.echo(f"Roles and schemas of {', '.join(SERVICES)} are there.")


@main.command()
@click.option(
    "--revision",
    default="head",
    show_default=True,
    help="Where to go: a number, +1, -1, or `base`, which removes everything.",
)
@click.option(
    "--service", "names", multiple=True, type=click.Choice(SERVICES), help="Only this one; may be repeated."
)
@click.option("--yes", is_flag=True, help="Go back without asking, and lose what the later revisions hold.")
@click.pass_obj
def migrate(settings: Settings, revision: str, names: tuple[str, ...], *, yes: bool) -> None:
    """Bring the schemas of all services in the database of DATABASE_URL to a revision, one after another.

    A schema that a newer version of ImpactX made is left as it is, and that is no error: this version works on it.
    """
    chosen = [service for service in SERVICES if not names or service in names]
    confirm = None if yes else partial(_confirm_loss, revision)
    for outcome in loading.migrate(_administration_url(settings), chosen, revision, confirm):
        newer = (
            " which is newer than this version; nothing was changed, and this version works on it."
            if outcome.is_newer
            else ""
        )
        click.echo(f"{outcome.service}: at {outcome.revision or 'base'}{',' + newer if newer else '.'}")


@main.command()
@click.pass_obj
def seed(settings: Settings) -> None:
    """Adds roles, permissions, an administrator, regions, report types and severities where they are missing."""
    if settings.admin_password is None:
        raise SettingError("Set IMPACTX_ADMIN_PASSWORD, the first administrator's password.")
    _seed(settings)
    click.echo(f"The catalogues and the administrator {settings.admin_email} are there.")


@main.command()
@click.pass_obj
def topology(settings: Settings) -> None:
    """Declares every exchange, queue and binding on the broker of AMQP_URI; repeating it changes nothing."""
    for line in declare_everything(settings.amqp_uri, quorum=settings.rpc_quorum):
        click.echo(line)


@main.command("generate-key")
def generate_key() -> None:
    """Prints a new private key for identity to sign tokens with (IMPACTX_JWT_PRIVATE_KEY)."""
    click.echo(private_key_pem(), nl=False)


@main.command()
@click.argument("method")
@click.argument("arguments", default="{}")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3600, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds that one attempt may take.",
)
@click.pass_obj
def call(settings: Settings, method: str, arguments: str, timeout: float) -> None:
    """Calls an RPC METHOD such as reports.list_reports with ARGUMENTS, a JSON object, and prints the result.

    It signs in as the administrator (IMPACTX_ADMIN_EMAIL, IMPACTX_ADMIN_PASSWORD) unless IMPACTX_TOKEN holds an
    access token.
    """
    try:
        given = orjson.loads(arguments)
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"ARGUMENTS is not JSON: {error}.") from error
    if not isinstance(given, dict) or "." not in method:
        raise click.UsageError('Say it like this: call reports.list_reports \'{"status": ["pending"]}\'')
    with client(settings) as connected:
        result = connected.call(method, given, timeout=timeout)
    click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


@main.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Drives the main job by RPC and prints each step with its time.

    It uses the system at AMQP_URI or a running `make run`, and where there is neither, one of its own that it
    throws away.
    """
    if settings.amqp_uri != MEMORY_BROKER or is_open(InstanceDirectory(settings.home).socket):
        with client(settings) as connected:
            demonstrate(connected)
        return
    with tempfile.TemporaryDirectory(prefix="impactx-demo-") as directory:
        click.echo("Nothing runs here, so the demo starts a system of its own and removes it afterwards.")
        home = InstanceDirectory(Path(directory), durable=False)
        with embedded(home, replace(settings, http_port=0)) as (_, _, connected):
            demonstrate(connected)


main.add_command(describe)


@main.group("import")
@click.pass_context
def import_group(context: click.Context) -> None:
    """Brings data in from files."""
    # What the commands of the services are given: they connect, but do not know to what.
    context.default_map = {"resources": {"phone_region": context.obj.phone_region or None}}
    context.obj = partial(client, context.obj)


import_group.add_command(import_reports)
import_group.add_command(import_resources)
import_group.add_command(import_regions)


@main.group("export")
@click.pass_context
def export_group(context: click.Context) -> None:
    """Writes data to files that `import` reads."""
    context.obj = partial(client, context.obj)


for command in exporting.COMMANDS:
    export_group.add_command(command)


main.add_command(broker_users)
main.add_command(dead_letters)


def client(settings: Settings) -> RpcClient:
    """A client of the system that is running: the one at AMQP_URI, else this checkout's `make run`."""
    if settings.amqp_uri != MEMORY_BROKER:
        if not settings.token and not settings.admin_password:
            raise SettingError("Set IMPACTX_ADMIN_PASSWORD to sign in, or IMPACTX_TOKEN to call with.")
        return RpcClient(
            settings.amqp_uri,
            name="command line",
            timeout=settings.rpc_timeout,
            budget=settings.rpc_budget,
            **_credentials(settings, settings.admin_password or ""),
        )
    home = InstanceDirectory(settings.home)
    if not is_open(home.socket):
        raise click.ClickException(
            "Nothing runs here: start `make run` in another terminal, or set AMQP_URI."
        )
    return LocalClient(
        home.socket,
        timeout=settings.rpc_timeout,
        **_credentials(settings, home.administrator_password(settings)),
    )


def _credentials(settings: Settings, password: str) -> dict[str, str]:
    return (
        {"token": settings.token} if settings.token else {"email": settings.admin_email, "password": password}
    )


@contextmanager
def embedded(home: InstanceDirectory, given: Settings) -> Iterator[tuple[Settings, Runtime, RpcClient]]:
    """A whole system in this process, migrated and seeded, with a client signed in as its administrator."""
    home.start_database(SERVICES)
    try:
        settings = home.settings(given, SERVICES)
        loading.migrate(settings.administration_url, SERVICES, "head")
        _seed(settings)
        # Ahead, as on a broker: else the first events wait in the outbox until the last listener has come.
        declare_everything(settings.amqp_uri, quorum=settings.rpc_quorum)
        runtime = Runtime([loading.service_class(name) for name in loading.NAMES], settings)
        runtime.start()
        connected = RpcClient(
            settings.amqp_uri, email=settings.admin_email, password=settings.admin_password or "", name="door"
        )
        door = ControlSocket(home.socket, connected)
        try:
            door.open()
            yield settings, runtime, connected
        finally:
            door.close()
            runtime.stop()
            connected.close()
    finally:
        home.stop_database()


def _seed(settings: Settings) -> None:
    for service in SERVICES:
        require_schema(settings.database_url(service), service)
        database = Database(settings.database_url(service), application_name="impactx seed", pool_size=2)
        with database.write() as connection:
            loading.seed(service, connection, settings)
        database.close()


def _require_schema(settings: Settings, service: str) -> None:
    """Refuse to serve on a schema that is too old; a database that is away is waited for, and checked by readiness."""
    try:
        require_schema(settings.database_url(service), service)
    except (OperationalError, Unavailable) as error:
        logger.warning("the schema of %s is not checked yet, as the database is away: %s", service, error)


def _administration_url(settings: Settings) -> str:
    if not settings.administration_url:
        raise SettingError("Set DATABASE_URL to the database, with a user who may create roles and schemas.")
    return settings.administration_url


def _confirm_loss(revision: str, filled: Mapping[str, Sequence[str]]) -> None:
    """Ask before data is removed, and refuse where there is nobody to ask."""
    tables = "; ".join(f"{service}: {', '.join(names)}" for service, names in filled.items())
    loss = f"Going to {revision} removes what later revisions hold, and these tables have rows: {tables}."
    if not sys.stdin.isatty():
        raise click.ClickException(f"{loss} Make a backup, then repeat the command with --yes.")
    click.confirm(f"{loss} Go on?", abort=True)


def _where_everything_is(
    home: InstanceDirectory, settings: Settings, url: str, *, password_is_new: bool
) -> str:
    where = f'in {home.secrets}, under "{ADMINISTRATOR}"'
    password = f"{settings.admin_password}   (not shown again; it is {where})" if password_is_new else where
    return f"""
PostgreSQL      127.0.0.1:{home.postgresql.port}, database impactx, data in {settings.home}/
broker          inside this process
services        {", ".join(SERVICES)}, by RPC
situation page  {url}/
HTTP            {url}/api/v1, described at {url}/api/v1/docs/
administrator   {settings.admin_email}
password        {password}

Try it in another terminal:
  .venv/bin/python -m services call reports.list_reports '{{"status": ["pending"]}}'
  make demo"""
