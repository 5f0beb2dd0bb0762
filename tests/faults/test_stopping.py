"""SIGTERM under load: every call is answered, nothing is done twice, nothing stays unacknowledged."""

import time

from tests.faults.harness import Load


def test_sigterm_under_load(system, random):
    with system.replica() as first, system.replica() as second:
        with Load(system, random) as load:
            for stopping in (first, second, first):
                load.wait_for(random.randint(50, 150))
                began = time.monotonic()
                assert stopping.process.terminate() == 0, stopping.process.output()[-2000:]
                assert time.monotonic() - began < 10
                load.wait_for(30)
                stopping.restart()
        assert load.failures == [], "no call had to be repeated"
        system.check_invariants(load.acknowledged)
        for replica in (first, second):
            assert replica.process.terminate() == 0
    assert system.waiting("rpc-reports") == 0
    assert system.waiting("reports.history") == 0
    assert system.outbox() == 0


def test_sigterm_while_the_broker_cannot_be_reached(system):
    """Nothing can be finished then; it ends in time all the same."""
    with system.replica() as replica:
        report = system.file(system.new_report())
        replica.network.refuse()
        began = time.monotonic()
        replica.process.terminate()
        assert time.monotonic() - began < 26
    with system.replica():
        system.check_invariants({report["id"]: ["pending"]})
