"""`python -m services describe`."""

from __future__ import annotations

from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[3]


def described_files() -> dict[Path, str]:
    """Every file that is made from the code, with what it should hold; relative to the checkout."""
    # Loaded here: the other commands of the command line do without, and need not wait for it.
    from services.cli.describe.pages import events_page, methods_page  # noqa: PLC0415
    from services.cli.describe.stubs import type_modules  # noqa: PLC0415

    types = {Path("shared/client/types") / name: source for name, source in type_modules().items()}
    pages = {Path("docs/rpc-methods.md"): methods_page(), Path("docs/event-data.md"): events_page()}
    return types | pages


@click.command()
@click.option(
    "--write", is_flag=True, help="Remake docs/rpc-methods.md, docs/event-data.md and the client types."
)
def describe(write: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Prints every RPC method with its permission, arguments and result, as Markdown."""
    if not write:
        from services.cli.describe.pages import methods_page  # noqa: PLC0415

        click.echo(methods_page(), nl=False)
        return
    for path, text in described_files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
        click.echo(str(path))
