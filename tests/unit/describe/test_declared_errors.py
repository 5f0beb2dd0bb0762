"""Every error that the code of a method raises is declared of the method, as far as calls can be followed."""

import ast
from pathlib import Path

import pytest

from services.cli.describe.methods import every_offer
from services.cli.loading import service_class
from shared.client.errors import BY_SLUG

ROOT = Path(__file__).parents[3]
ERRORS = {error.__name__ for error in BY_SLUG.values()}

# Every method may answer with these; docs/rpc.md says so.
OF_EVERY_METHOD = (
    "shared.platform.rpc.operation",
    "shared.platform.schemas",
    "shared.platform.db.paging",
    "shared.client.deadline",
)
EVERYWHERE = {"Unauthenticated", "Unavailable", "RpcTimeout", "Internal"}

# Raised for a thing that the method itself has just made, found or locked, or caught where it is called.
CANNOT_HAPPEN = {
    ("identity.create_region", "NotFound"),
    ("identity.create_role", "NotFound"),
    ("identity.get_me", "NotFound"),
    ("identity.register_user", "NotFound"),
    ("identity.reset_password", "Conflict"),
    ("alerts.create_alert_rule", "NotFound"),
    # refuses the row, not the call
    ("reports.import_reports", "Conflict"),
    ("reports.import_reports", "Invalid"),
    ("reports.import_reports", "Forbidden"),
    ("resources.import_resources", "Conflict"),
    ("resources.import_resources", "Invalid"),
    ("resources.import_resources", "Forbidden"),
    # only for the status `duplicate`
    ("reports.resolve_report", "Invalid"),
}


class Code:
    """The functions of services and shared: whom each calls, and what it raises."""

    def __init__(self):
        self.functions, self.imported = {}, {}
        paths = [*ROOT.glob("services/*/**/*.py"), *ROOT.glob("shared/**/*.py")]
        for path in paths:
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            tree = ast.parse(path.read_text())
            self.imported[module] = {
                name.asname or name.name: (node.module, name.name)
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module
                for name in node.names
            }
            for node in tree.body:
                for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
                    if isinstance(inner, ast.FunctionDef):
                        qualified = f"{node.name}.{inner.name}" if inner is not node else inner.name
                        self.functions[module, qualified] = inner

    def found(self, module, name):
        while (module, name) not in self.functions:
            if name not in self.imported.get(module, {}):
                return None
            module, name = self.imported[module][name]
        return module, name

    def called(self, module, qualified):
        for node in ast.walk(self.functions[module, qualified]):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name):
                yield self.found(module, node.func.id)
            elif isinstance(node.func, ast.Attribute):
                if node.func.attr == "require":
                    yield "shared.platform.rpc.context", "Caller.require"
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                if owner == "self":
                    yield self.found(module, f"{qualified.partition('.')[0]}.{node.func.attr}")
                elif owner in self.imported[module]:
                    yield self.found(".".join(self.imported[module][owner]), node.func.attr)

    def raised(self, start):
        """What the function and all that it calls raise."""
        seen, waiting, names = set(), [start], set()
        while waiting:
            key = waiting.pop()
            if key is None or key in seen or key[0].startswith(OF_EVERY_METHOD):
                continue
            seen.add(key)
            for node in ast.walk(self.functions[key]):
                if isinstance(node, ast.Raise) and node.exc is not None:
                    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                    names |= self._error(key[0], raised)
            waiting += self.called(*key)
        return names

    def _error(self, module, raised):
        if not isinstance(raised, ast.Name):
            return set()
        if raised.id in ERRORS:
            return {raised.id}
        made_by = self.found(module, raised.id)
        returns = made_by and self.functions[made_by].returns
        return {ast.unparse(returns)} & ERRORS if returns else set()


@pytest.fixture(scope="module")
def code():
    return Code()


METHODS = {f"{service}.{offer.name}": offer for service, offers in every_offer().items() for offer in offers}


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_raises_is_declared(code, method):
    service, _, name = method.partition(".")
    kind = service_class(service)
    declared = {type(error).__name__ for error in METHODS[method].description.errors}
    undeclared = {
        error
        for error in code.raised((kind.__module__, f"{kind.__name__}.{name}")) - declared - EVERYWHERE
        if (method, error) not in CANNOT_HAPPEN
    }
    assert undeclared == set()


def test_the_errors_of_a_method_are_followed_through_what_it_calls(code):
    assert {"NotFound", "Forbidden", "Conflict"} <= code.raised(
        ("services.reports.service", "ReportsService.resolve_report")
    )
    assert "RateLimited" in code.raised(("services.identity.service", "IdentityService.authenticate"))
