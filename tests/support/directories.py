"""Directories that go away with the test session, however it ends."""

import tempfile
from pathlib import Path

from tests.support import reaper


def temporary_directory(purpose: str) -> Path:
    """A new directory that the servers' own accounts may pass through."""
    directory = Path(tempfile.mkdtemp(prefix=f"impactx-{purpose}-"))
    directory.chmod(0o711)
    reaper.register_directory(directory)
    return directory
