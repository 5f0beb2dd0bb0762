"""What every service stands on; it knows no service."""

import logging
import warnings

# A program that uses the client alone and configures no logging gets errors as exceptions, and no lines beside them.
logging.getLogger(__name__).addHandler(logging.NullHandler())

# ADR 0002 names the way off eventlet; a user of the command line or of the client need not be told at each start.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
