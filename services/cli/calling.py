"""The command `call`: any RPC method from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from services.cli.connection import client

if TYPE_CHECKING:
    from shared.platform.settings import Settings


@click.command()
@click.argument("method")
@click.argument("arguments", default="{}")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3600, min_open=True),
    default=10.0,
    show_default=True,
    help="The number of seconds to wait for an answer before the call is tried again or fails.",
)
@click.pass_obj
def call(settings: Settings, method: str, arguments: str, timeout: float) -> None:
    """Call an RPC method and print the result.

    METHOD is the name of a service and of its method, such as reports.list_reports. ARGUMENTS is a JSON object. The
    command signs in as the administrator (IMPACTX_ADMIN_EMAIL, IMPACTX_ADMIN_PASSWORD) unless IMPACTX_TOKEN
    holds an access token.
    """
    try:
        given = orjson.loads(arguments)
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"ARGUMENTS is not valid JSON: {error}.") from error
    if not isinstance(given, dict) or "." not in method:
        raise click.UsageError(
            "METHOD must be SERVICE.METHOD and ARGUMENTS a JSON object,"
            ' such as: call reports.list_reports \'{"status": ["pending"]}\''
        )
    with client(settings) as connected:
        result = connected.call(method, given, timeout=timeout)
    click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
