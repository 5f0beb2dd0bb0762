"""Three replicas of every service: the work is shared, order is kept, timers run once, and any may be restarted."""

import pytest
import requests

from shared.client.events import PREFIX
from shared.domain import topology
from tests.faults.fleet import START_SECONDS, Fleet
from tests.faults.harness import NOT_IN_TIME, Onlooker
from tests.faults.mixed_load import Follower, MixedLoad
from tests.support.waiting import eventually

REPLICAS = 3
TIMER_SECONDS = 60.0
"""Well over the interval of the timer that ends alerts."""


@pytest.fixture(scope="module")
def fleet(postgresql, broker):
    """Three processes of each service, the gateway too."""
    made = Fleet(postgresql, broker, REPLICAS)
    yield made
    made.close()


def test_three_replicas_share_the_work_in_order(fleet, random):
    with Onlooker(fleet) as reports:
        with MixedLoad(fleet, random, people=4) as people:
            # The load makes no regions.
            fleet.check_shared([queue for queue in topology.BY_QUEUE if not queue.endswith(".regions")])
        people.check()
        fleet.check_order(reports)


def test_timers_of_three_replicas_do_it_once(fleet):
    """All three are let at the same alerts at the same moment."""
    with Onlooker(fleet, "alerts") as onlooker:
        over = [fleet.issue_alert() for _ in range(5)]
        with fleet.held_up_until_over(over):
            eventually(lambda: fleet.waiting_timers() == REPLICAS, "all timers at once", TIMER_SECONDS, 0.1)
        ended = "SELECT count(*) FROM alerts.alerts WHERE status = 'expired' AND version = 2 AND id = ANY(%s)"
        eventually(lambda: fleet.value(ended, over) == len(over), "the alerts end")
        eventually(lambda: fleet.value("SELECT count(*) FROM alerts.outbox") == 0, "it is told")
        told = [
            message.headers[PREFIX + "subject"]
            for message in onlooker.look()
            if message.headers[PREFIX + "type"] == "alert_status_changed"
        ]
        assert sorted(told) == sorted(over), "each ends once"


@pytest.mark.trial
def test_a_rolling_restart_of_everything_loses_nothing(fleet, random):
    fleet.shrink(2)
    with Onlooker(fleet) as reports, Follower(fleet) as follower:
        with MixedLoad(fleet, random, people=4) as people:
            for _, process in fleet.processes:
                people.wait_for(10)
                assert process.terminate() == 0, process.output()[-2000:]
                assert NOT_IN_TIME not in process.output(), "it is done within its grace"
                people.wait_for(10)
                process.start(wait=False).wait_ready(START_SECONDS)
                eventually(lambda process=process: fleet.ready(process), "it is ready again", 30, 0.1)
        people.check()
        fleet.check_order(reports)
        eventually(lambda: set(people.acknowledged) <= follower.known, "the follower hears of all", 30, 0.1)
    refused = [error for error in people.failures if isinstance(error, requests.ConnectionError)]
    assert people.failures == refused, "only a gateway that stops has to be asked elsewhere"
