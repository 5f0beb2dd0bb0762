"""The tests."""

import shared  # noqa: F401 - before eventlet, whose announcement of its retirement this keeps back
