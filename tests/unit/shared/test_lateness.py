"""How late a request arrives is told whatever the clocks of both sides show."""

import pytest

from shared.client.lateness import (
    MAX_ECHOES,
    REMEMBERED,
    SENT_HEADER,
    TOLERANCE,
    Echoes,
    Lateness,
    Sent,
    sent_of,
    stamp,
)

HOUR = 3600.0


class World:
    """Two machines: what happens at a moment, by the clocks of each."""

    def __init__(self, *, time_apart=0.0, steady_apart=12345.0):
        self.moment = 1000.0
        self.time_apart = time_apart
        self.steady_apart = steady_apart
        self.server = Lateness(now=lambda: self.moment + 1e9, clock=lambda: self.moment)

    def send(self):
        return Sent(self.moment + 1e9 + self.time_apart, self.moment + self.steady_apart)

    def arrive(self, sent, after=0.0, caller="a", echo=""):
        self.moment += after
        return self.server.of(caller, sent, echo)


@pytest.fixture(params=[0.0, 0.3, -0.3], ids="{:+.1f}s".format)
def near(request):
    """Machines whose times of day agree as well as they do with NTP."""
    return World(time_apart=request.param)


@pytest.fixture(params=[HOUR, -HOUR, 90.0, -90.0], ids="{:+.0f}s".format)
def far(request):
    return World(time_apart=request.param)


def test_a_first_request_that_comes_at_once_is_taken(near):
    assert near.arrive(near.send(), after=0.01) < TOLERANCE


def test_a_first_request_that_comes_late_is_not_taken_for_punctual(near):
    late = near.arrive(near.send(), after=30)
    assert late is None, "it cannot be told from a clock that differs"


@pytest.mark.parametrize("seconds", [1.5, 10, 28, 68, HOUR])
def test_a_later_request_is_as_late_as_it_is(near, seconds):
    near.arrive(near.send(), after=0.01)
    assert near.arrive(near.send(), after=seconds) == pytest.approx(seconds, abs=TOLERANCE)
    assert near.arrive(near.send(), after=0.01) < TOLERANCE


def test_clocks_an_hour_apart_cost_a_caller_one_more_attempt_and_nothing_else(far):
    assert far.arrive(far.send(), after=0.01) is None
    echo = far.server.echo()
    assert far.arrive(far.send(), after=0.02, echo=echo) == 0
    assert far.arrive(far.send(), after=0.01) < TOLERANCE
    assert far.arrive(far.send(), after=28) == pytest.approx(28, abs=TOLERANCE)


def test_an_echo_that_comes_late_itself_proves_nothing(far):
    far.arrive(far.send())
    echo = far.server.echo()
    assert far.arrive(far.send(), after=28, echo=echo) is None


@pytest.mark.parametrize(
    "echo", ["", "other:1000.0", "x" * 5000, "{}:later", "{}:nan", "{}:-1e999", ["{}"], None, 7]
)
def test_an_echo_of_somebody_else_or_of_nobody_proves_nothing(far, echo):
    name = far.server.echo().partition(":")[0]
    given = echo.replace("{}", name) if isinstance(echo, str) else echo
    assert far.arrive(far.send(), echo=given) is None


def test_the_echo_of_one_server_is_found_among_those_of_others(far):
    echoes = Echoes()
    others = [Lateness() for _ in range(MAX_ECHOES - 1)]
    for server in (far.server, *others):
        assert echoes.hear({"echo": server.echo()})
    (said,) = echoes.headers.values()
    assert far.arrive(far.send(), echo=said) == 0


def test_a_backlog_of_a_caller_that_is_not_known_yet_is_not_executed(far):
    """They came in one after the other, each a bit less late than the one before."""
    sent = []
    for _ in range(5):
        sent.append(far.send())
        far.moment += 1
    far.moment += 28
    assert [far.arrive(one) for one in sent] == [None] * 5


def test_a_distance_that_has_become_wrong_is_mended_by_an_echo(near):
    near.arrive(near.send())
    near.steady_apart -= HOUR  # the caller's machine was paused for so long
    near.time_apart -= HOUR
    assert near.arrive(near.send()) == pytest.approx(HOUR, abs=TOLERANCE)
    assert near.arrive(near.send(), echo=near.server.echo()) == 0
    assert near.arrive(near.send()) < TOLERANCE


def test_a_clock_that_is_set_meanwhile_changes_nothing(near):
    near.arrive(near.send())
    near.time_apart += HOUR
    assert near.arrive(near.send(), after=0.01) < TOLERANCE
    assert near.arrive(near.send(), after=28) == pytest.approx(28, abs=TOLERANCE)


def test_clocks_that_run_apart_do_not_make_a_punctual_caller_late(near):
    near.arrive(near.send())
    for _ in range(1000):
        near.moment += 60
        near.steady_apart -= 60 * 1e-4
        assert near.arrive(near.send()) < TOLERANCE


def test_callers_do_not_disturb_one_another(near):
    near.arrive(near.send(), caller="a")
    near.steady_apart += 500
    near.arrive(near.send(), caller="b")
    near.steady_apart -= 500
    assert near.arrive(near.send(), after=28, caller="a") == pytest.approx(28, abs=TOLERANCE)


def test_only_so_many_callers_are_remembered(near):
    for number in range(REMEMBERED + 10):
        near.arrive(near.send(), caller=str(number))
    assert len(near.server._distances) == REMEMBERED


def test_what_a_request_says_is_read():
    sent = sent_of({SENT_HEADER: stamp()})
    assert sent is not None
    assert sent.time_of_day > 1e9


@pytest.mark.parametrize(
    "said", [None, "", "1", "1 2 3", "now then", 17, [1, 2], {"a": 1}, b"1 2", "1 " + "2" * 5000]
)
def test_what_is_no_stamp_says_nothing(said):
    assert sent_of({SENT_HEADER: said}) is None


@pytest.mark.parametrize("steady", ["nan", "inf", "-inf"])
def test_a_clock_that_shows_no_number_is_not_believed(near, steady):
    sent = sent_of({SENT_HEADER: f"{near.moment + 1e9} {steady}"})
    assert near.arrive(sent) is None


@pytest.mark.parametrize("echo", [None, 7, ["a"], "a b", "x" * 5000])
def test_what_is_no_echo_is_not_repeated(echo):
    echoes = Echoes()
    assert not echoes.hear({"echo": echo})
    assert echoes.headers == {}
