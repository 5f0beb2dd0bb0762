"""The tables by which the command line finds the services are true."""

from importlib import import_module

import pytest

from services.cli import loading
from shared.domain.topology import SERVICES


@pytest.mark.parametrize(
    "place",
    [*loading.SERVICE_CLASSES.values(), *loading.SEEDS.values(), loading.HTTP_SERVER, loading.MIGRATE],
)
def test_a_place_in_a_table_of_the_command_line_exists(place):
    module, _, name = place.partition(":")
    assert callable(getattr(import_module(module), name))


def test_every_service_with_a_schema_can_be_seeded():
    assert set(loading.SEEDS) == set(SERVICES)
    assert {name: loading.service_class(name).name for name in loading.NAMES} == {
        name: name for name in loading.NAMES
    }
