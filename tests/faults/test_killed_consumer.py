"""The process is killed while it handles events: each event has its effect, and has it once."""

import psycopg

from tests.support.waiting import eventually

HISTORY = "reports.history"
WRITES_HISTORY = "INSERT INTO reports.report_status_history"


def hold_history(system):
    """A transaction in which nobody else can write history."""
    holding = psycopg.connect(system.database.admin_url)
    holding.execute("LOCK TABLE reports.report_status_history IN SHARE MODE")
    return holding


def test_killed_between_commit_and_acknowledgement(system):
    with system.replica() as replica:
        with hold_history(system):
            report = system.file(system.new_report())
            eventually(lambda: system.is_blocked(WRITES_HISTORY), "the handler is at work")
            replica.network.stall(up=True, down=False)
        eventually(lambda: system.history(report["id"]) == ["pending"], "the handler has committed")
        replica.kill()
        assert eventually(lambda: system.waiting(HISTORY)) == 1, "the event was not acknowledged"
        replica.restart()
        eventually(lambda: system.waiting(HISTORY) == 0)
        system.check_invariants({report["id"]: ["pending"]})
    system.check_nothing_left()


def test_killed_before_commit(system):
    with system.replica() as replica:
        with hold_history(system):
            report = system.file(system.new_report())
            eventually(lambda: system.is_blocked(WRITES_HISTORY), "the handler is at work")
            replica.kill()
            assert eventually(lambda: system.waiting(HISTORY)) == 1
            assert system.history(report["id"]) == []
        replica.restart()
        system.check_invariants({report["id"]: ["pending"]})
    system.check_nothing_left()


def test_another_replica_takes_over_from_the_killed_one(system):
    with system.replica() as killed:
        with hold_history(system):
            rows = [system.new_report() for _ in range(20)]
            assert system.ask("reports.import_reports", {"rows": rows})["stored"] == len(rows)
            eventually(lambda: system.is_blocked(WRITES_HISTORY), "the handler is at work")
            with system.replica():
                killed.kill()
                eventually(lambda: system.outbox() == 0)
        with system.replica():
            system.check_invariants({row["id"]: ["pending"] for row in rows})
    system.check_nothing_left()


def test_a_database_that_is_too_slow_for_the_handler_is_waited_for(system):
    """Longer than the lock timeout: the handler fails again and again, and nothing is dropped."""
    with system.replica(), hold_history(system) as holding:
        report = system.file(system.new_report())
        eventually(lambda: system.is_blocked(WRITES_HISTORY), "the handler is at work")
        eventually(lambda: not system.is_blocked(WRITES_HISTORY), "its first try times out")
        eventually(lambda: system.is_blocked(WRITES_HISTORY), "it tries again")
        holding.rollback()
        system.check_invariants({report["id"]: ["pending"]})
