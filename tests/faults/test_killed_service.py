"""The service is killed between its commit and the end of the relay's work: no event is lost, none counts twice."""

import threading

import psycopg

from tests.faults.harness import Load
from tests.support.waiting import eventually


def filed_while_nothing_leaves(system, replica):
    """A report that is committed, with its event still in the outbox: nothing the service sends gets through.

    Gives the arguments of the call and the thread that repeats it until it is answered.
    """
    report, answers = system.new_report(), []
    caller = threading.Thread(target=lambda: answers.append(system.file(report)))
    system.file(system.new_report())  # so that it knows identity's keys, which it could not ask for below
    eventually(lambda: system.outbox() == 0, "the event of that one is published")
    replica.network.stall(up=True, down=False)
    caller.start()
    eventually(lambda: system.rows("SELECT 1 FROM reports.outbox WHERE subject = %s", report["id"]))
    return report, answers, caller


def test_killed_between_commit_and_publish(system, onlooker):
    with system.replica() as replica:
        report, answers, caller = filed_while_nothing_leaves(system, replica)
        assert onlooker.about(report["id"]) == []
        replica.kill()
        assert onlooker.about(report["id"]) == [], "it was killed before it could publish"
        assert system.outbox() == 1, "the event is where it was committed"
        replica.restart()
        caller.join(60)
        assert answers
        system.check_invariants({report["id"]: ["pending"]})
        assert set(onlooker.about(report["id"])) == set(onlooker.about(report["id"])[:1])
    system.check_nothing_left()


def test_killed_between_publish_and_confirm(system, onlooker):
    with system.replica() as replica:
        report, _, caller = filed_while_nothing_leaves(system, replica)
        # from now on its relay can speak but not hear: the events go out, the confirms do not come
        replica.network.deafen("relay of reports")
        eventually(lambda: onlooker.about(report["id"]))
        assert system.outbox() == 1, "what is not confirmed is kept"
        replica.kill()
        replica.restart()
        caller.join(60)
        system.check_invariants({report["id"]: ["pending"]})
        published = onlooker.about(report["id"])
        assert len(published) >= 2, "it was published again"
        assert len(set(published)) == 1, "as the same event"
    system.check_nothing_left()


def test_killed_between_confirm_and_delete(system, onlooker):
    with system.replica() as replica:
        report, _, caller = filed_while_nothing_leaves(system, replica)
        with psycopg.connect(system.database.admin_url) as holding:
            holding.execute("SELECT 1 FROM reports.outbox WHERE subject = %s FOR UPDATE", [report["id"]])
            replica.network.resume()
            eventually(lambda: system.is_blocked("DELETE FROM reports.outbox"))
            assert onlooker.about(report["id"])
            replica.kill()
        assert system.outbox() == 1
        replica.restart()
        caller.join(60)
        system.check_invariants({report["id"]: ["pending"]})
        published = onlooker.about(report["id"])
        assert len(published) >= 2
        assert len(set(published)) == 1
    system.check_nothing_left()


def test_killed_before_commit(system):
    """What was not committed was not answered; the caller repeats it, and it counts once."""
    rows = [system.new_report() for _ in range(50)]
    stored = "SELECT count(*) FROM reports.reports WHERE id = ANY(%s)"
    ids, answers = [row["id"] for row in rows], []
    with system.replica() as replica:
        with psycopg.connect(system.database.admin_url) as holding:
            holding.execute("LOCK TABLE reports.reports IN SHARE MODE")
            caller = threading.Thread(
                target=lambda: answers.append(system.ask("reports.import_reports", {"rows": rows}))
            )
            caller.start()
            eventually(lambda: system.is_blocked("INSERT INTO reports.reports"))
            replica.kill()
        assert not answers
        eventually(lambda: system.transactions() == 0, "the server notices that nobody will commit")
        assert system.value(stored, ids) == 0
        replica.restart()
        caller.join(60)
        assert answers[0]["refused"] == []
        system.check_invariants({report_id: ["pending"] for report_id in ids})
    system.check_nothing_left()


def test_killed_again_and_again_under_load(system, random):
    with system.replica() as first, system.replica() as second:
        with Load(system, random) as load:
            for _ in range(3):
                load.wait_for(random.randint(20, 120))
                victim = random.choice((first, second))
                victim.kill()
                load.wait_for(10)
                victim.restart()
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()


def test_a_network_that_stalls_under_load(system, random):
    """As a broker does that blocks its publishers, or a router that went silent: nobody is told anything."""
    with system.replica() as stalled, system.replica():
        with Load(system, random) as load:
            load.wait_for(50)
            stalled.network.stall()
            load.wait_for(100)
            stalled.network.resume()
            load.wait_for(50)
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()
