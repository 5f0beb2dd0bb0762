"""Connects a command to the system that is running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.local.instance_dir import InstanceDirectory
from shared.client.local import LocalClient, is_open
from shared.client.rpc import RpcClient
from shared.platform.settings import MEMORY_BROKER, SettingError

if TYPE_CHECKING:
    from shared.client.calls import Client, Options
    from shared.platform.settings import Settings


def client(settings: Settings) -> Client:
    """Return a client of the system at AMQP_URI, or else of the `run` command of this checkout.

    Args:
        settings: Those of the command. The client signs in as the administrator unless they hold an access token.

    Raises:
        SettingError: Neither the administrator's password nor a token is set.
        click.ClickException: No system is running.
    """
    if settings.amqp_uri != MEMORY_BROKER:
        if not settings.token and not settings.admin_password:
            raise SettingError("Set IMPACTX_ADMIN_PASSWORD to sign in, or IMPACTX_TOKEN to an access token.")
        return RpcClient(
            settings.amqp_uri,
            name="command line",
            **_options(settings, settings.admin_password or ""),
        )
    instance = InstanceDirectory(settings.home)
    if not is_open(instance.socket):
        raise click.ClickException(
            "No system is running: start `make run` in another terminal, or set AMQP_URI to the broker of one."
        )
    return LocalClient(instance.socket, **_options(settings, instance.administrator_password(settings)))


def is_running(settings: Settings) -> bool:
    """Return whether there is a system to connect to: one at AMQP_URI, or the `run` command of this checkout."""
    return settings.amqp_uri != MEMORY_BROKER or is_open(InstanceDirectory(settings.home).socket)


def _options(settings: Settings, password: str) -> Options:
    limits: Options = {"timeout": settings.rpc_timeout, "budget": settings.rpc_budget}
    if settings.token:
        return {**limits, "token": settings.token}
    return {**limits, "email": settings.admin_email, "password": password}
