"""The situation page."""
