"""The client of ImpactX: calls by RPC, over HTTP or through the control socket of `make run`, and events.

The same files are the distribution `impactx-client`, package `impactx_client`, and `shared.client` in the services.
Inside they import one another relatively, and nothing of the services.
"""

import logging

# A program that configures no logging gets errors as exceptions, and no lines beside them.
logging.getLogger(__name__).addHandler(logging.NullHandler())
