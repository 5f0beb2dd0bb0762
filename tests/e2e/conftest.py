"""Whole systems, as operators run them; each test of this directory sees both kinds."""

import pytest

from tests.e2e import systems


@pytest.fixture(scope="session", params=[systems.embedded, systems.separate], ids=["embedded", "separate"])
def running(request):
    """A system that runs, seeded, with its administrator."""
    with request.param(request) as made:
        yield made


@pytest.fixture(scope="session")
def administrator(running):
    """A client of the administrator."""
    with running.client() as client:
        yield client
