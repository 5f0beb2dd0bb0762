"""Describes what the services offer, from the code itself: the method and event pages of docs/, and client types.

`python -m services describe --write` remakes them; a test fails while one of them is out of date.
"""

from services.cli.describe.command import describe

__all__ = ["describe"]
