"""Serves the echo of ours: ``python -m benchmarks.echo_service``, with the settings of any service."""

import sys
from typing import Any

from marshmallow import fields

from shared.platform import concurrency

concurrency.patch()  # before anything else is imported

from shared.platform.rpc.operation import ANYONE, operation
from shared.platform.runtime import Runtime
from shared.platform.schemas import Arguments, Result, Text
from shared.platform.settings import from_environment


class Echo(Arguments):
    """What is to be sent back."""

    x = Text(max_length=1000, required=True)


class Echoed(Result):
    """It."""

    x = fields.String()


class EchoService:
    """Answers with what it was sent, by all the ways that every operation goes."""

    name = "echo"

    @operation(permission=ANYONE, arguments=Echo, result=Echoed)
    def echo(self, _caller: Any, x: str) -> dict[str, str]:
        """Sends back what came."""
        return {"x": x}


runtime = Runtime([EchoService], from_environment(()))
runtime.start()
sys.stdout.write("serving echo\n")
sys.stdout.flush()
runtime.run_until_stopped()
