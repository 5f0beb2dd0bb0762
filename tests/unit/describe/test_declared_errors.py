"""What is declared of a method is what its code raises, as far as calls can be followed."""

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
    # an alert to update that is not found is an invalid argument
    ("alerts.draft_alert", "NotFound"),
    ("identity.create_region", "NotFound"),
    ("identity.create_role", "NotFound"),
    ("identity.get_me", "NotFound"),
    ("identity.register_user", "NotFound"),
    ("identity.reset_password", "Conflict"),
    # refuses the row, not the call
    ("reports.import_reports", "Conflict"),
    ("reports.import_reports", "Invalid"),
    ("resources.import_resources", "Conflict"),
    # only for the status `duplicate`
    ("reports.resolve_report", "Invalid"),
}

# Raised where calls cannot be followed: by a constraint of the database, another service, or another process.
NOT_FOLLOWED = {
    ("identity.refresh", "Conflict"),
    ("identity.reset_password", "RateLimited"),
    ("reports.update_report_type", "Conflict"),
    ("reports.update_severity_level", "Conflict"),
    ("resources.update_resource_type", "Conflict"),
    ("alerts.rebuild_audience", "Forbidden"),
}


class Code:
    """The functions of services and shared: whom each calls, and what it raises."""

    def __init__(self):
        self.functions, self.imported, self.instances = {}, {}, {}
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
            self.instances |= {
                (module, target.id): (module, node.value.func.id)
                for node in tree.body
                if isinstance(node, ast.Assign | ast.AnnAssign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.value.func, ast.Name)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                if isinstance(target, ast.Name)
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

    def method(self, module, owner, name):
        """The method of an object that some module makes, such as a catalogue or a status machine."""
        while (module, owner) not in self.instances:
            if owner not in self.imported.get(module, {}):
                return None
            module, owner = self.imported[module][owner]
        module, kind = self.instances[module, owner]
        module, kind = self.imported[module].get(kind, (module, kind))
        return self.found(module, f"{kind}.{name}")

    def called(self, module, qualified):
        for node in ast.walk(self.functions[module, qualified]):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name):
                yield self.found(module, node.func.id)
            elif isinstance(node.func, ast.Attribute):
                if node.func.attr == "require":
                    yield "shared.platform.rpc.context", "Caller.require"
                value = node.func.value
                if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
                    # An object of another module: `catalogue.TYPES.create(...)`.
                    home = ".".join(self.imported[module].get(value.value.id, ("", "")))
                    yield self.method(home, value.attr, node.func.attr)
                owner = value.id if isinstance(value, ast.Name) else ""
                if owner == "self":
                    yield self.found(module, f"{qualified.partition('.')[0]}.{node.func.attr}")
                elif owner:
                    yield self.method(module, owner, node.func.attr)
                    if owner in self.imported[module]:
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


def errors_of(code, method):
    """The errors that the code of a method raises, and those that are declared."""
    service, _, name = method.partition(".")
    kind = service_class(service)
    raised = code.raised((kind.__module__, f"{kind.__name__}.{name}"))
    return raised, {type(error).__name__ for error in METHODS[method].description.errors}


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_raises_is_declared(code, method):
    raised, declared = errors_of(code, method)
    undeclared = raised - declared - EVERYWHERE
    assert {error for error in undeclared if (method, error) not in CANNOT_HAPPEN} == set()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_declared_of_a_method_is_raised(code, method):
    raised, declared = errors_of(code, method)
    assert {error for error in declared - raised if (method, error) not in NOT_FOLLOWED} == set()


def test_the_errors_of_a_method_are_followed_through_what_it_calls(code):
    assert {"NotFound", "Forbidden", "Conflict"} <= code.raised(
        ("services.reports.service", "ReportsService.resolve_report")
    )
    assert "RateLimited" in code.raised(("services.identity.service", "IdentityService.authenticate"))
