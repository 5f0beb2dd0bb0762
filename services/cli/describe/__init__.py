"""Describes what the services offer, from the code itself: pages of docs/, types of the client and of the services.

`python -m services describe --write` makes these files again, and a test fails while one of them is out of date:

- ``docs/rpc-methods.md`` and ``docs/event-data.md``;
- ``shared/client/types``: the methods as a caller sees them;
- ``services/<service>/schemas/types.py``: the arguments of each method once its schema has loaded them, and its result
  before the schema dumps it. mypy holds the methods and all that they call to these::

      def create_report(self, caller: Caller, **arguments: Unpack[types.CreateReport]) -> types.Report:
          region_id = arguments.get("region_id") or find_region(self.rpc, caller, arguments["location"])

Everything comes from the `operation` decorators and the schemas. Of docstrings, the first line of a method and the
whole of a schema are shown as they are.
"""

from services.cli.describe.command import describe

__all__ = ["describe"]
"""`python -m services describe`."""
