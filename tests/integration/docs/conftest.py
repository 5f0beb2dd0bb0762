import os
import subprocess
import sys

import pytest

from infra.local.instance_dir import private_key_pem
from tests.support.directories import temporary_directory
from tests.support.postgresql import fresh_database
from tests.support.processes import ROOT, ServiceProcess
from tests.support.rabbitmq import users_of
from tests.support.regions import add_regions

EMAIL, PASSWORD = "admin@impactx.example", "a long enough password"


@pytest.fixture(scope="session")
def system(postgresql, broker):
    """identity and reports as real processes on a real broker; gives what each kind of caller is told."""
    database, virtual_host = fresh_database(postgresql), broker.fresh_virtual_host()
    environment = database.environment() | {
        "AMQP_URI": virtual_host.uri,
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
        "IMPACTX_JWT_PRIVATE_KEY": private_key_pem(),
    }
    for command in ("topology", "seed"):
        subprocess.run(
            [sys.executable, "-m", "services", command], cwd=ROOT, env=os.environ | environment, check=True
        )
    add_regions(database.admin_url)
    log = temporary_directory("documentation") / "services.log"
    with ServiceProcess(["serve", "identity", "reports"], environment=environment, log=log):
        users = users_of(virtual_host, clients=["watch", "dispatch"], nameko_clients=["neighbour"])
        yield lambda user: {
            "AMQP_URI": users[user],
            "IMPACTX_EMAIL": EMAIL,
            "IMPACTX_PASSWORD": PASSWORD,
        }
    virtual_host.drop()
    database.drop()
