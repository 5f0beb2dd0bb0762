"""An S3 server: moto's, in a process of its own; it takes any credentials."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

from tests.support.directories import temporary_directory
from tests.support.processes import ServiceProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "files"
READY = "Running on "


class S3:
    """One that runs, with an empty bucket."""

    def __init__(self, process: ServiceProcess) -> None:
        self.process = process
        self.url = re.search(READY + r"(http://\S+)", process.output()).group(1)
        requests.put(f"{self.url}/{BUCKET}", timeout=10).raise_for_status()

    @property
    def environment(self) -> dict[str, str]:
        """What tells a process to use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "a secret",
        }

    def objects(self) -> list[str]:
        """The keys of all objects in the bucket."""
        listing = requests.get(f"{self.url}/{BUCKET}?list-type=2", timeout=10)
        return re.findall("<Key>([^<]+)</Key>", listing.text)


@contextmanager
def s3_server() -> Iterator[S3]:
    """Runs one until the block ends."""
    log = temporary_directory("s3") / "server.log"
    with ServiceProcess(["-p", "0"], environment={}, log=log, ready=READY, module="moto.server") as process:
        yield S3(process)
