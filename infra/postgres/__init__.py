"""Prepares a PostgreSQL database for the services."""
