"""Attached files: the accepted types, the removal of metadata, uploads, storage and downloads."""
