"""PostgreSQL goes away under load: no success is lost, nothing hangs, and work goes on when it is back."""

from tests.faults.harness import Load


def test_restarted_and_killed_under_load(breakable, random):
    system, server = breakable, breakable.server
    with system.replica() as first, system.replica() as second:
        with Load(system, random) as load:
            load.wait_for(150)
            server.stop("fast")
            server.start()
            load.wait_for(150)
            server.kill()
            server.start()
            load.wait_for(150)
        assert first.process.is_running
        assert second.process.is_running
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()
