"""The command ``dead-letters``: what an operator does with messages that could not be handled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from shared.client.amqp.received import as_text
from shared.domain.topology import BY_QUEUE
from shared.platform.outbox.dead_letters import DeadLetters
from shared.platform.settings import MEMORY_BROKER, SettingError

if TYPE_CHECKING:
    from shared.platform.settings import Settings


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that could not be handled, on the broker of AMQP_URI."""


def _queue_argument(command: Any) -> Any:
    return click.argument("queue", type=click.Choice(sorted(BY_QUEUE)))(command)


@dead_letters.command("list")
@click.pass_obj
def list_dead_letters(settings: Settings) -> None:
    """Lists the dead letters of every event queue."""
    for queue in BY_QUEUE:
        for letter in _letters(settings, queue).list():
            error = next(iter(letter.error.splitlines()), "")
            click.echo(f"{queue}  {letter.id}  {letter.event}  {letter.died_at}  {as_text(error)}")


@dead_letters.command("show")
@_queue_argument
@click.argument("letter_id")
@click.pass_obj
def show_dead_letter(settings: Settings, queue: str, letter_id: str) -> None:
    """Shows a dead letter with its headers, traceback and body."""
    letter = _letters(settings, queue).show(letter_id)
    for name, value in sorted(letter.headers.items()):
        click.echo(f"{name}: {_printable(value)}")
    click.echo(f"\n{_printable(letter.body)}")


@dead_letters.command("replay")
@_queue_argument
@click.argument("letter_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All of the queue.")
@click.pass_obj
def replay_dead_letters(settings: Settings, queue: str, letter_id: str | None, everything: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Gives a dead letter back to its queue."""
    _one_or_all(letter_id, everything=everything)
    click.echo(f"{_letters(settings, queue).replay(letter_id)} replayed.")


@dead_letters.command("drop")
@_queue_argument
@click.argument("letter_id", required=False)
@click.option("--all", "everything", is_flag=True, help="All of the queue.")
@click.pass_obj
def drop_dead_letters(settings: Settings, queue: str, letter_id: str | None, everything: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Deletes a dead letter for good."""
    _one_or_all(letter_id, everything=everything)
    click.echo(f"{_letters(settings, queue).drop(letter_id)} dropped.")


def _printable(value: object) -> str:
    """Line by line, without what a stranger may have put there for the terminal."""
    return "\n".join(map(as_text, value.splitlines() if isinstance(value, str) else [value]))


def _one_or_all(letter_id: str | None, *, everything: bool) -> None:
    if (letter_id is None) != everything:
        raise click.UsageError("Name one message, or say --all.")


def _letters(settings: Settings, queue: str) -> DeadLetters:
    if settings.amqp_uri == MEMORY_BROKER:
        raise SettingError(
            "Set AMQP_URI; the in-process broker keeps its dead letters in memory and in its log."
        )
    return DeadLetters(settings.amqp_uri, queue)
