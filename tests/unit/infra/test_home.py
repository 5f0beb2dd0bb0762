"""What an embedded system remembers of its first start."""

import pytest

from infra.local.instance_dir import ADMINISTRATOR, InstanceDirectory
from shared.platform.settings import from_environment


@pytest.fixture
def home(tmp_path):
    return InstanceDirectory(tmp_path / "home")


def settings(**environment):
    return from_environment((), environment)


def test_a_password_is_made_once(home):
    first = home.administrator_password(settings())
    assert len(first) >= 20
    assert home.administrator_password(settings()) == first


def test_a_password_that_was_given_at_the_first_start_is_remembered(home):
    given = settings(IMPACTX_ADMIN_PASSWORD="as it was given")
    assert home.administrator_password(given) == "as it was given"
    assert home.administrator_password(settings()) == "as it was given"


def test_a_password_that_is_given_later_does_not_replace_the_first(home):
    first = home.administrator_password(settings())
    assert home.administrator_password(settings(IMPACTX_ADMIN_PASSWORD="another one")) == "another one"
    assert home.administrator_password(settings()) == first
    assert home.knows(ADMINISTRATOR)


def test_secrets_are_readable_by_their_owner_alone(home):
    home.administrator_password(settings())
    assert (home.path / "secrets.json").stat().st_mode & 0o777 == 0o600
