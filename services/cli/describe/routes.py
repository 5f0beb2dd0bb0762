"""Writes `shared/client/types/routes.py`: at which address the gateway offers each method.

Unlike the rest of what is described it needs the gateway, whose routes are made of `shared/client/types/methods.py`.
It is therefore made last.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.cli.describe.stubs import MADE

if TYPE_CHECKING:
    from services.gateway.routes.route import Route

IN_RULE = re.compile(r"<(?:\w+:)?(\w+)>")


def routes_module() -> str:
    """Return the source of the module."""
    from services.gateway.http.app import BLUEPRINTS  # noqa: PLC0415 - see above
    from services.gateway.routes.blueprint import PREFIX, ResourceBlueprint  # noqa: PLC0415 - see above

    offered = [
        route for found in BLUEPRINTS if isinstance(found, ResourceBlueprint) for route in found.offered
    ]
    listed = "".join(
        f'    "{method}": (\n'
        + "".join(
            _route(PREFIX, route)
            for route in sorted(offered, key=lambda route: -len(route.in_path))
            if route.method == method
        )
        + "    ),\n"
        for method in sorted({route.method for route in offered})
    )
    return f'''"""Where the gateway offers each method; of several routes, the one with most names in its path first."""

{MADE}

from __future__ import annotations

from typing import Final

from ..methods import HttpRoute

ROUTES: Final[dict[str, tuple[HttpRoute, ...]]] = {{
{listed}}}
'''


def _route(prefix: str, route: Route) -> str:
    path = prefix + IN_RULE.sub(r"{\1}", route.rule)
    facts = {
        "has_body": route.verb != "GET" and bool(route.body_fields),
        "is_versioned": route.verb != "GET" and route.is_versioned,
        "takes_id": "id" in route.body_fields,
    }
    flags = "".join(f", {name}=True" for name, holds in facts.items() if holds)
    return f'        HttpRoute("{route.verb}", "{path}"{flags}),\n'
