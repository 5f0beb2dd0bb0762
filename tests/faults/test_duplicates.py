"""Every event comes five times, in any order: the history is the same."""

import kombu

from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from tests.faults.harness import Load
from tests.support.waiting import eventually

TIMES = 5


def test_five_times_in_shuffled_order(system, onlooker, random):
    with system.replica():
        with Load(system, random) as load:
            load.wait_for(200)
        # Only what is published again below may be in the queue.
        eventually(lambda: system.outbox() == 0, "every event is published")
        eventually(lambda: system.waiting("reports.history") == 0, "every event is handed out")
    # What the replica had in hand when it ended is there again once the broker has seen it go.
    eventually(lambda: system.readers("reports.history") == 0, "the replica is gone")
    with kombu.Connection(system.uri) as connection:
        connection.default_channel.queue_purge("reports.history")
    ours = set(load.acknowledged)
    events = [message for message in onlooker.look() if message.headers["cloudEvents_subject"] in ours]
    changes = sum(map(len, load.acknowledged.values()))
    with system.connection() as connection:
        connection.execute(
            "DELETE FROM reports.report_status_history WHERE report_id = ANY(%s)", [list(ours)]
        )
    again = [
        Outgoing(
            body=message.body if isinstance(message.body, bytes) else message.body.encode(),
            exchange="",
            routing_key="reports.history",
            headers=message.headers,
            message_id=message.properties["message_id"],
        )
        for message in events
        if message.headers["cloudEvents_type"] in ("report_created", "report_status_changed")
    ] * TIMES
    assert len(again) >= changes * TIMES
    random.shuffle(again)
    publisher = ConfirmedPublisher(system.uri, "shuffled")
    publisher.start()
    publisher.publish(again)
    publisher.stop()
    assert system.waiting("reports.history") == len(again)
    with system.replica(), system.replica():
        eventually(lambda: system.waiting("reports.history") == 0)
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()
