"""Backups of an embedded system: its database, its secrets and its attached files, and the way back."""
