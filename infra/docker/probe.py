"""Asks an address over HTTP and fails where it does not say 200: the healthcheck of images without curl."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

TIMEOUT = 12.0
"""Seconds; less than what docker-compose.yml gives a healthcheck, so that the reason is told."""

if __name__ == "__main__":
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=TIMEOUT) as answer:  # noqa: S310 - it is ours
            sys.stdout.write(answer.read().decode())
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode(errors='replace')}")
    except OSError as error:
        sys.exit(str(error))
