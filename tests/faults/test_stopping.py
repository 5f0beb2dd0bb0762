"""SIGTERM under load: every call is answered, nothing is done twice, nothing stays unacknowledged."""

from tests.faults.harness import NOT_IN_TIME, Load


def test_sigterm_under_load(system, random):
    with system.replica() as first, system.replica() as second:
        with Load(system, random) as load:
            for stopping in (first, second, first):
                load.wait_for(random.randint(50, 150))
                assert stopping.process.terminate() == 0, stopping.process.output()[-2000:]
                assert NOT_IN_TIME not in stopping.process.output(), "it is done within its grace"
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
        replica.process.terminate()
    with system.replica():
        system.check_invariants({report["id"]: ["pending"]})
