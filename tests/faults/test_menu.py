"""Faults drawn from a menu by a seed, some at the same moment, beside people who keep working.

Whatever comes: nothing that was acknowledged is lost or done twice, every history is complete, the outbox empties, and
every replica is ready again without being touched.
"""

import os
import time
from random import Random

import pytest

from tests.faults.harness import Load
from tests.support.waiting import eventually

SEEDS = [int(seed) for seed in os.environ.get("IMPACTX_TEST_SEED", "1").split()]
ROUNDS = 3
MAX_SECONDS = 45.0
"""Of a fault: past every limit of the services for one wait, and past the broker's heartbeats."""

RECOVER_SECONDS = 60.0

MENU = {
    # A peer that accepts and never answers, in every direction, for old connections and for new ones.
    "the database says nothing": (lambda replica: replica.database.stall(), "database"),
    "the database hears and says nothing": (lambda replica: replica.database.deafen(), "database"),
    "the database forgets its connections": (lambda replica: replica.database.strand(), "database"),
    "the database trickles": (lambda replica: replica.database.trickle(1), "database"),
    "the database refuses": (lambda replica: replica.database.refuse(), "database"),
    "the database hangs up": (lambda replica: replica.database.cut(), "database"),
    "the broker says nothing": (lambda replica: replica.network.stall(), "network"),
    "the broker hears and says nothing": (lambda replica: replica.network.deafen(), "network"),
    "the broker forgets its connections": (lambda replica: replica.network.strand(), "network"),
    "the broker trickles": (lambda replica: replica.network.trickle(1), "network"),
    "the broker refuses": (lambda replica: replica.network.refuse(), "network"),
    "the broker hangs up": (lambda replica: replica.network.cut(), "network"),
    "the process is frozen": (lambda replica: replica.freeze(), "process"),
    "the process is killed": (lambda replica: replica.kill(), "killed"),
}
"""How each fault begins, and what it is a fault of."""

SILENT = sorted(name for name in MENU if "says nothing" in name)
"""One of which every episode has."""


def end(replica, what):
    """Ends the fault, whichever it was."""
    if what == "process":
        replica.thaw()
    elif what == "killed":
        replica.restart()
    else:
        proxy = getattr(replica, what)
        proxy.admit()
        proxy.resume()


@pytest.mark.trial
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_from_the_menu_lose_nothing_and_double_nothing(system, seed):
    random = Random(seed)
    told = []
    with system.replica() as first, system.replica() as second:
        with Load(system, random, people=4) as load:
            for number in range(ROUNDS):
                load.wait_for(20)
                faults = random.sample(sorted(MENU), random.randint(1, 2))
                if number == 0 and not set(faults) & set(SILENT):
                    faults.append(random.choice(SILENT))
                struck = [(name, random.choice((first, second))) for name in faults]
                seconds = random.uniform(1, MAX_SECONDS)
                told.append((faults, [int(one is second) for _, one in struck], round(seconds)))
                print(told[-1])
                for name, replica in struck:
                    MENU[name][0](replica)
                time.sleep(seconds)
                for name, replica in reversed(struck):
                    end(replica, MENU[name][1])
        for replica in (first, second):
            assert replica.process.is_running, told
            eventually(
                lambda replica=replica: not replica.readiness(), "it is ready again", RECOVER_SECONDS, 0.2
            )
        system.check_invariants(load.acknowledged)
    system.check_nothing_left()
