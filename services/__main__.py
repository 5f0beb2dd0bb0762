"""The command line: ``python -m services``."""

import shared.platform.concurrency  # noqa: F401 - before everything else: it makes the process cooperative
from services.cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m services")
