"""``python -m benchmarks [NAMES] [--quick] [--json FILE]``; `make bench` calls it."""

import os
import platform
import sys
from pathlib import Path

import click
import orjson

from benchmarks.cases import bulk, change, create, echo, http, paging, regions, resources, target
from benchmarks.measure import QUICK, Scale
from benchmarks.stage import Stage

CONTESTS = {
    "echo": echo.run,
    "create": create.run,
    "change": change.run,
    "import": bulk.run,
    "list": paging.run,
    "regions": regions.run,
    "http": http.run,
    "target": target.run,
    "resources": resources.run,
}
"""In the order in which they run: the list is long, and would weigh on those after it."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(tuple(CONTESTS)))
@click.option("--quick", is_flag=True, help="Only show that everything runs; the figures mean nothing.")
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/benchmarks.json"),
    show_default=True,
    help="Where the figures go.",
)
def main(names: tuple[str, ...], quick: bool, path: Path) -> None:  # noqa: FBT001 - click passes a flag
    """Measures ImpactX beside its floors and beside a service on nameko alone; all of it, or what is named.

    It ends with status 1 when a target was missed.
    """
    scale = QUICK if quick else Scale()
    results = []
    with Stage() as stage:
        for name, run in CONTESTS.items():
            if names and name not in names:
                continue
            for result in run(stage, scale):
                click.echo(f"{result}\n")
                results.append(result)
        versions = stage.versions
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"processors": os.cpu_count(), "architecture": platform.machine(), **versions}
    report = {"quick": quick, "machine": machine, "results": [result.as_json() for result in results]}
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    click.echo(f"Written to {path}.")
    missed = [result.name for result in results if not result.is_met]
    if missed and not quick:
        sys.exit(f"Targets missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
