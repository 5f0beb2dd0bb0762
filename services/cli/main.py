"""The command line: every command is registered here, and lives in a module of its concern."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
from sqlalchemy.exc import OperationalError

from infra.local.postgresql.account import AccountError
from infra.local.postgresql.postmaster import PostgresqlError
from infra.postgres.bootstrap import BootstrapError
from services.cli.backups import backup, restore, restore_drill
from services.cli.broker import broker_users, dead_letters, topology
from services.cli.calling import call
from services.cli.connection import client
from services.cli.database import bootstrap, migrate, seed
from services.cli.demo import demo
from services.cli.describe import describe
from services.cli.exporting import EXPORT_COMMANDS
from services.cli.importing.regions import import_regions
from services.cli.importing.reports import import_reports
from services.cli.importing.resources import import_resources
from services.cli.serving import generate_key, run, serve
from shared.client.errors import ImpactXError
from shared.domain.topology import SERVICES
from shared.platform.db.revisions import SchemaError
from shared.platform.observability import logs
from shared.platform.settings import SettingError, from_environment

SERVING = ("run", "serve")
"""Commands whose log is for an operator; the others talk to a person, who wants to hear of trouble only."""

OWN_ERRORS = (ImpactXError, SettingError, SchemaError, BootstrapError, PostgresqlError, AccountError)
"""Errors whose text says to an operator what is wrong and what to do."""


class Commands(click.Group):
    """The commands, which report what an operator can mend as one sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click calls this."""
        try:
            return super().invoke(ctx)
        except OWN_ERRORS as error:
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
    """Run and operate ImpactX."""
    context.obj = from_environment(SERVICES)
    logs.configure(context.obj.log_level or ("INFO" if context.invoked_subcommand in SERVING else "WARNING"))


@click.group("import")
@click.pass_context
def import_group(context: click.Context) -> None:
    """Import data from a file."""
    context.default_map = {"resources": {"phone_region": context.obj.phone_region or None}}
    context.obj = partial(client, context.obj)


@click.group("export")
@click.pass_context
def export_group(context: click.Context) -> None:
    """Export data to a file that `import` can read."""
    context.obj = partial(client, context.obj)


for command in (import_reports, import_resources, import_regions):
    import_group.add_command(command)
for command in EXPORT_COMMANDS:
    export_group.add_command(command)
for command in (
    run,
    serve,
    generate_key,
    bootstrap,
    migrate,
    seed,
    backup,
    restore,
    restore_drill,
    topology,
    broker_users,
    dead_letters,
    call,
    demo,
    describe,
    import_group,
    export_group,
):
    main.add_command(command)
