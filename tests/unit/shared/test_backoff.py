"""Delays grow, are capped, and are jittered so that replicas do not come back in step."""

from itertools import pairwise

from shared.client.amqp.backoff import Backoff


def test_delays_double_up_to_the_greatest_and_lose_at_most_half():
    backoff = Backoff(0.1, 2.0)
    for full in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
        assert full / 2 <= backoff.next() <= full


def test_a_reset_begins_anew():
    backoff = Backoff(0.1, 2.0)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 0.1


def test_two_waiters_do_not_keep_step():
    delays = [Backoff(1.0).next() for _ in range(50)]
    assert any(one != other for one, other in pairwise(delays))
