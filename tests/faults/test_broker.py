"""The broker goes away under load: reports are filed on, as far as calls get through, and every event comes after."""

import time

import pytest

from shared.platform.amqp.confirms import CONFIRM_SECONDS
from tests.faults.harness import Load

DOWN_SECONDS = 20
BLOCKED_SECONDS = CONFIRM_SECONDS + 3


@pytest.mark.trial
def test_stopped_for_twenty_seconds_and_killed_under_load(breakable, random):
    system, broker = breakable, breakable.broker
    with system.replica() as first, system.replica() as second:
        with Load(system, random) as load:
            load.wait_for(150)
            broker.stop()
            time.sleep(DOWN_SECONDS)
            assert first.process.is_running
            assert second.process.is_running
            broker.start()
            load.wait_for(100)
            broker.kill()
            broker.start()
            load.wait_for(100)
        system.check_invariants(load.acknowledged)
        assert load.failures, "the callers noticed"
    system.check_nothing_left()


def test_publishers_blocked_under_load(breakable, random):
    """Its memory or disk is full: it takes nothing from anybody, for longer than anyone waits for a confirm."""
    system, broker = breakable, breakable.broker
    with system.replica() as first, system.replica() as second:
        with Load(system, random) as load:
            load.wait_for(50)
            with broker.blocking_publishers():
                time.sleep(BLOCKED_SECONDS)
            load.wait_for(100)
        assert first.process.is_running
        assert second.process.is_running
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()
