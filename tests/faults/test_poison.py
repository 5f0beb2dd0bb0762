"""Poison in the middle of good events: the good ones are handled; the poison is kept, and can be cured."""

from uuid import uuid4

import orjson
from uuid6 import uuid7

from shared.domain.topology import exchange_of
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from shared.platform.outbox.dead_letters import PREFIX, DeadLetters
from tests.faults.harness import Load
from tests.support.waiting import eventually

HISTORY = "reports.history"


def publish(system, *messages):
    publisher = ConfirmedPublisher(system.uri, "poisoner")
    publisher.start()
    publisher.publish(list(messages))
    publisher.stop()


def garbage(**headers):
    return Outgoing(b"not an event", exchange_of("reports"), "report_created", headers, str(uuid7()))


def change_by(user_id, event):
    """A status change like the one given, the next version of its report, by somebody else."""
    data = orjson.loads(event.body)
    data |= {
        "changed_by": user_id,
        "previous_status": "pending",
        "status": "confirmed",
        "version": 2,
        "notes": "by a ghost",
    }
    event_id = str(uuid7())
    headers = event.headers | {
        "cloudEvents_id": event_id,
        "cloudEvents_type": "report_status_changed",
        "cloudEvents_sequence": "2",
    }
    return Outgoing(orjson.dumps(data), exchange_of("reports"), "report_status_changed", headers, event_id)


def test_poison_in_the_middle_of_good_events(system, onlooker, random):
    ghost = str(uuid4())
    with system.replica():
        haunted = system.file(system.new_report())
        [event] = eventually(
            lambda: [one for one in onlooker.look() if one.headers["cloudEvents_subject"] == haunted["id"]]
        )
        # of an account that is not there: valid as an event, and refused by the database for good
        by_ghost = change_by(ghost, event)
        poison = [by_ghost, garbage(), garbage(cloudEvents_type="report_created")]
        random.shuffle(poison)
        with Load(system, random) as load:
            for one in poison:
                load.wait_for(random.randint(10, 60))
                publish(system, one)
            load.wait_for(50)
            eventually(lambda: len(system.dead()) == len(poison))
        ids = {one.message_id for one in poison}
        system.check_invariants(load.acknowledged, poisoned=ids)
        assert system.history(haunted["id"]) == ["pending"]
        check_letters(system, by_ghost, ids)

        with system.connection() as connection:  # what was wrong is put right
            connection.execute(
                "INSERT INTO identity.users (id, email, password_hash, first_name, last_name)"
                " VALUES (%s, %s, 'x', 'Casper', 'Ghost')",
                [ghost, f"{ghost}@impactx.example"],
            )
        assert "1 replayed" in system.command("dead-letters", "replay", HISTORY, by_ghost.message_id)
        eventually(lambda: system.history(haunted["id"]) == ["pending", "confirmed"])
        assert DeadLetters(system.uri, HISTORY).drop() == 2
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()


def check_letters(system, by_ghost, ids):
    """Each letter says what went wrong, where and when."""
    letters = {letter.id: letter for letter in DeadLetters(system.uri, HISTORY).list()}
    assert letters.keys() == ids
    for letter in letters.values():
        assert letter.error
        assert "Traceback" in letter.headers[PREFIX + "traceback"]
        assert letter.tries == 5
        assert letter.died_at
    assert "fk_report_status_history_changed_by" in letters[by_ghost.message_id].error
    assert "by a ghost" in letters[by_ghost.message_id].body
    listed = system.command("dead-letters", "list")
    assert all(letter_id in listed for letter_id in ids)
