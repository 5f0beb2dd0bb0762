"""The command line: ``python -m services``."""

from shared.platform import concurrency

concurrency.patch()  # before anything else is imported

from services.cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m services")
