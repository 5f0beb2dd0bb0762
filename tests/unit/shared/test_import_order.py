"""Imports of the same rows in different orders do not deadlock."""

from uuid import UUID

from shared.domain import imports
from shared.platform.rpc.context import Caller


def test_rows_are_written_in_one_order_whatever_that_of_the_call():
    caller = Caller(UUID(int=1), frozenset(), {}, "", "")
    keys = [(None, 2), ("b", 9), (None, 3), ("a", 9)]
    rows = [{"import_key": key, "id": UUID(int=number)} for key, number in keys]
    orders = [imports._values(caller, given)["rows"] for given in (rows, rows[::-1])]
    assert orders[0] == orders[1]
