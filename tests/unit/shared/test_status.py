"""The status machine."""

import pytest

from shared.client.errors import Conflict
from shared.domain.status import StatusMachine

DOOR = StatusMachine("door", {"open": ("closed",), "closed": ("open", "gone"), "gone": ()})


def test_origins_are_the_moves_read_backwards():
    assert DOOR.origins == {"open": ("closed",), "closed": ("open",), "gone": ("closed",)}


def test_a_refusal_lists_the_statuses_that_may_follow():
    DOOR.check_move("closed", "gone")
    with pytest.raises(
        Conflict, match="A door that is open cannot become gone: it can become closed"
    ) as caught:
        DOOR.check_move("open", "gone")
    assert caught.value.details == {"legal": ["closed"], "status": "open"}


def test_the_refusal_of_the_last_status_says_that_nothing_follows():
    with pytest.raises(Conflict, match="An oven that is off cannot become on: nothing follows that"):
        StatusMachine("oven", {"on": ("off",), "off": ()}).check_move("off", "on")


def test_the_check_of_the_column_lists_the_statuses_in_their_order():
    assert DOOR.check_constraint() == "status IN ('open', 'closed', 'gone')"
