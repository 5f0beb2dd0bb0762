"""The commands for the message broker: `topology`, `broker-users` and `dead-letters`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

from infra.rabbitmq.users import all_rights, definitions, import_definitions
from shared.client.amqp.received import as_text
from shared.domain.topology import BY_QUEUE
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox.dead_letters import DeadLetters
from shared.platform.settings import MEMORY_BROKER, SettingError

if TYPE_CHECKING:
    from shared.platform.settings import Settings


@click.command()
@click.pass_obj
def topology(settings: Settings) -> None:
    """Declare the exchanges, queues and bindings.

    They are declared on the message broker of AMQP_URI. Running the command again changes nothing.
    """
    for line in declare_everything(settings.amqp_uri, quorum=settings.rpc_quorum):
        click.echo(line)


@click.command("broker-users")
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="NAME",
    help="Also create a user for another system that calls methods and listens to events. You can repeat the option.",
)
@click.option(
    "--nameko-client",
    "nameko_clients",
    multiple=True,
    metavar="NAME",
    help="Also create a user for another system that uses nameko itself. You can repeat the option.",
)
@click.option(
    "--virtual-host", default="/", show_default=True, help="The virtual host to which the users have access."
)
@click.option(
    "--print",
    "print_only",
    is_flag=True,
    help="Print the definitions for RabbitMQ to import, and change nothing.",
)
@click.pass_obj
def broker_users(
    settings: Settings,
    clients: tuple[str, ...],
    nameko_clients: tuple[str, ...],
    virtual_host: str,
    print_only: bool,  # noqa: FBT001 - click passes a flag
) -> None:
    """Create the users of RabbitMQ.

    Each gets only the permissions that it needs. There is one user for each service, `gateway`, `operator` for the
    commands `topology` and `dead-letters`, and one for each --client and --nameko-client.
    IMPACTX_<USER>_BROKER_PASSWORD holds the password of each. IMPACTX_RABBITMQ_API is the URL of the management API:
    http://administrator:password@host:15672. Running the command again changes nothing.
    """
    rights = all_rights(clients, nameko_clients)
    passwords = {user: settings.broker_password(user) for user in rights}
    document = definitions(rights, passwords, virtual_host)
    if print_only:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    if not settings.rabbitmq_api:
        raise SettingError(
            "Set IMPACTX_RABBITMQ_API to the URL of the management API, such as"
            " http://administrator:password@host:15672, or use --print."
        )
    import_definitions(settings.rabbitmq_api, document)
    click.echo(f"The broker has the users {', '.join(rights)}.")


@click.group("dead-letters")
def dead_letters() -> None:
    """Inspect, replay or delete dead letters.

    A dead letter is a message that a service could not handle. The commands work on the broker of AMQP_URI.
    """


def _queue_argument(command: Any) -> Any:
    return click.argument("queue", metavar="QUEUE", type=click.Choice(sorted(BY_QUEUE)))(command)


@dead_letters.command("list")
@click.pass_obj
def list_dead_letters(settings: Settings) -> None:
    """List the dead letters of all event queues."""
    for queue in BY_QUEUE:
        for letter in _letters(settings, queue).list():
            error = next(iter(letter.error.splitlines()), "")
            click.echo(f"{queue}  {letter.id}  {letter.event}  {letter.died_at}  {as_text(error)}")


@dead_letters.command("show")
@_queue_argument
@click.argument("letter_id")
@click.pass_obj
def show_dead_letter(settings: Settings, queue: str, letter_id: str) -> None:
    """Show the headers, traceback and body of a dead letter."""
    letter = _letters(settings, queue).show(letter_id)
    for name, value in sorted(letter.headers.items()):
        click.echo(f"{name}: {_printable(value)}")
    click.echo(f"\n{_printable(letter.body)}")


@dead_letters.command("replay")
@_queue_argument
@click.argument("letter_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All dead letters of the queue.")
@click.pass_obj
def replay_dead_letters(settings: Settings, queue: str, letter_id: str | None, everything: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Put a dead letter, or all of them, back into QUEUE, to be handled again."""
    _one_or_all(letter_id, everything=everything)
    click.echo(f"{_letters(settings, queue).replay(letter_id)} replayed.")


@dead_letters.command("drop")
@_queue_argument
@click.argument("letter_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All dead letters of the queue.")
@click.pass_obj
def drop_dead_letters(settings: Settings, queue: str, letter_id: str | None, everything: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Delete a dead letter of QUEUE, or all of them, permanently."""
    _one_or_all(letter_id, everything=everything)
    click.echo(f"{_letters(settings, queue).drop(letter_id)} deleted.")


def _printable(value: object) -> str:
    """Return a text line by line, without control characters, which another system may have put there."""
    return "\n".join(map(as_text, value.splitlines() if isinstance(value, str) else [value]))


def _one_or_all(letter_id: str | None, *, everything: bool) -> None:
    if (letter_id is None) != everything:
        raise click.UsageError("Give either the id of a dead letter or --all.")


def _letters(settings: Settings, queue: str) -> DeadLetters:
    if settings.amqp_uri == MEMORY_BROKER:
        raise SettingError(
            "Set AMQP_URI to the broker. That of the `run` command keeps dead letters in memory and in its log."
        )
    return DeadLetters(settings.amqp_uri, queue)
