"""The command ``broker-users``: the users of the broker and what each may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from infra.rabbitmq.users import all_rights, definitions, import_definitions
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from shared.platform.settings import Settings


@click.command("broker-users")
@click.option(
    "--client", "clients", multiple=True, help="Another system that calls and listens; may be repeated."
)
@click.option("--nameko-client", "nameko_clients", multiple=True, help="One that does so with nameko itself.")
@click.option("--virtual-host", default="/", show_default=True, help="Where they may do it.")
@click.option(
    "--print", "print_only", is_flag=True, help="Print the definitions for RabbitMQ to import instead."
)
@click.pass_obj
def broker_users(
    settings: Settings,
    clients: tuple[str, ...],
    nameko_clients: tuple[str, ...],
    virtual_host: str,
    print_only: bool,  # noqa: FBT001 - click passes a flag
) -> None:
    """Makes the users of RabbitMQ with the least rights that each needs; repeating it changes nothing.

    There is one for each service, `gateway`, `operator` for the commands `topology` and `dead-letters`, and one for
    each --client. IMPACTX_<USER>_BROKER_PASSWORD holds its password. IMPACTX_RABBITMQ_API says where the management
    API is, as http://administrator:password@host:15672.
    """
    rights = all_rights(clients, nameko_clients)
    passwords = {user: settings.broker_password(user) for user in rights}
    document = definitions(rights, passwords, virtual_host)
    if print_only:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    if not settings.rabbitmq_api:
        raise SettingError(
            "Set IMPACTX_RABBITMQ_API to the management API, http://administrator:password@host:15672, or say --print."
        )
    import_definitions(settings.rabbitmq_api, document)
    click.echo(f"Users on the broker: {', '.join(rights)}.")
