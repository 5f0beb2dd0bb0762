"""`python -m services describe`."""

from __future__ import annotations

from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[3]
ROUTES = Path("shared/client/types/routes.py")


def described_files() -> dict[Path, str]:
    """Return the text of every file that is made from the code, by its path in the checkout."""
    # Loaded here: the other commands of the command line do without, and need not wait for it.
    from services.cli.describe.inner_types import schema_types  # noqa: PLC0415
    from services.cli.describe.pages import events_page, methods_page  # noqa: PLC0415
    from services.cli.describe.stubs import type_modules  # noqa: PLC0415

    types = {Path("shared/client/types") / name: source for name, source in type_modules().items()}
    types |= {Path(f"services/{name}/schemas/types.py"): source for name, source in schema_types().items()}
    pages = {Path("docs/rpc-methods.md"): methods_page(), Path("docs/event-data.md"): events_page()}
    return types | pages


@click.command()
@click.option(
    "--write", is_flag=True, help="Write the pages of docs/ and the types of the client and of the services."
)
def describe(write: bool) -> None:  # noqa: FBT001 - click passes a flag
    """Print a description of every RPC method.

    The description is Markdown: the permission, arguments, result, errors and events of each method.
    """
    if not write:
        from services.cli.describe.pages import methods_page  # noqa: PLC0415

        click.echo(methods_page(), nl=False)
        return
    for path, text in described_files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
        click.echo(str(path))
    from services.cli.describe.routes import routes_module  # noqa: PLC0415 - after the files that the gateway is made of

    (ROOT / ROUTES).write_text(routes_module(), encoding="utf-8")
    click.echo(str(ROUTES))
