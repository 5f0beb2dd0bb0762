"""What every service stands on; it knows no service."""

import logging

# A program that uses the client alone and configures no logging gets errors as exceptions, and no lines beside them.
logging.getLogger(__name__).addHandler(logging.NullHandler())
