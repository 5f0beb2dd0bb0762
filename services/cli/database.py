"""The commands that prepare the database: `bootstrap`, `migrate` and `seed`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from infra.postgres.bootstrap import bootstrap as bootstrap_roles
from services.cli import loading
from shared.domain.topology import SERVICES
from shared.platform.db.engine import Database
from shared.platform.db.revisions import require_schema
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.platform.settings import Settings


@click.command()
@click.pass_obj
def bootstrap(settings: Settings) -> None:
    """Create the database roles and schemas of the services.

    They are created in the database of DATABASE_URL. IMPACTX_<SERVICE>_DATABASE_PASSWORD sets the password of the
    role of a service; without it, the role keeps its password. Running the command again changes nothing else.
    """
    bootstrap_roles(_administration_url(settings), settings.database_passwords)
    click.echo(f"The database has the roles and schemas of {', '.join(SERVICES)}.")


@click.command()
@click.option(
    "--revision",
    default="head",
    show_default=True,
    help="The revision to migrate to: its number, +1, -1, or `base`, which removes all tables.",
)
@click.option(
    "--service",
    "names",
    multiple=True,
    type=click.Choice(SERVICES),
    help="Migrate the schema of this service only. You can repeat the option.",
)
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask before going back to an earlier revision, which deletes the data that later revisions hold.",
)
@click.pass_obj
def migrate(settings: Settings, revision: str, names: tuple[str, ...], *, yes: bool) -> None:
    """Migrate the database schemas of the services.

    The schemas in the database of DATABASE_URL are migrated one after another. A schema at a newer revision than this
    version of ImpactX knows is left as it is. That is not an error: this version works with it.
    """
    chosen = [service for service in SERVICES if not names or service in names]
    confirm = None if yes else partial(_confirm_loss, revision)
    for outcome in loading.migrate(_administration_url(settings), chosen, revision, confirm):
        newer = (
            ", which is newer than this version of ImpactX. Nothing was changed; this version works with it."
            if outcome.is_newer
            else "."
        )
        click.echo(f"{outcome.service}: at revision {outcome.revision or 'base'}{newer}")


@click.command()
@click.pass_obj
def seed(settings: Settings) -> None:
    """Add the initial data that is missing.

    That is the roles and permissions, the first administrator, the catalogues of types and severity levels, and the
    alert rules. Regions come with `import regions`.
    """
    if settings.admin_password is None:
        raise SettingError("Set IMPACTX_ADMIN_PASSWORD to the password of the first administrator.")
    add_seeds(settings)
    click.echo(f"The database has its initial data and the administrator {settings.admin_email}.")


def add_seeds(settings: Settings) -> None:
    """Add what each service cannot do without, where it is missing.

    Args:
        settings: They hold the database URLs of the services, and the administrator's email address and password.

    Raises:
        SchemaError: The schema of a service is not at the revision that the service needs.
    """
    for service in SERVICES:
        require_schema(settings.database_url(service), service)
        database = Database(settings.database_url(service), application_name="impactx seed", pool_size=2)
        with database.write() as connection:
            loading.seed(service, connection, settings)
        database.close()


def _administration_url(settings: Settings) -> str:
    if not settings.administration_url:
        raise SettingError(
            "Set DATABASE_URL to the URL of the database, with a user who may create roles and schemas."
        )
    return settings.administration_url


def _confirm_loss(revision: str, filled: Mapping[str, Sequence[str]]) -> None:
    """Ask before data is deleted, and refuse where nobody can be asked."""
    tables = "; ".join(f"{service}: {', '.join(names)}" for service, names in filled.items())
    loss = f"Migrating to {revision} deletes what later revisions hold, and these tables have rows: {tables}."
    if not sys.stdin.isatty():
        raise click.ClickException(f"{loss} Make a backup, then repeat the command with --yes.")
    click.confirm(f"{loss} Continue?", abort=True)
