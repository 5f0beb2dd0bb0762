"""Somebody who speaks HTTP with the gateway, and somebody who listens to its stream."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from tests.support.waiting import patience


@dataclass
class Client:
    """Somebody who speaks HTTP: with a token, or without."""

    url: str
    token: str = ""
    user_id: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, verb, path, *, version=None, **options):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"If-Match": f'"{version}"'} if version is not None else {}
        headers |= options.pop("headers", {})
        where = path if path.startswith("/api/") else f"/api/v1{path}"
        return self.session.request(verb, self.url + where, headers=headers, timeout=patience(60), **options)

    def done(self, verb, path, **options):
        """The JSON of an answer that has to be a success."""
        answer = self(verb, path, **options)
        assert answer.ok, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def refused(self, status, verb, path, **options):
        """The problem of an answer that has to be this refusal."""
        answer = self(verb, path, **options)
        assert answer.status_code == status, (answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["type"] == f"urn:impactx:problem:{problem['slug']}"
        assert problem["correlation_id"] == answer.headers["X-Request-ID"]
        return problem


class Listener:
    """Somebody who listens, in a thread of their own; HTTP/1.0, so that the body is the bytes as they are."""

    def __init__(self, client, query="", last_id=""):
        where = urlsplit(client.url)
        lines = [f"GET /api/v1/stream{query} HTTP/1.0", f"Authorization: Bearer {client.token}"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        self.heard, self.comments = [], 0
        self._connection = socket.create_connection((where.hostname, where.port), timeout=patience(40))
        self._connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self._lines = self._connection.makefile("r", encoding="utf-8", newline="")
        self._status = self._lines.readline()
        assert " 200 " in self._status, self._status
        while self._lines.readline().strip():
            pass
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        event = {}
        for line in self._lines:
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n" and "event" in event:
                self.heard.append(event)
            self.comments += name == "" and value != ""
            event = event | {name: value} if line != "\n" else {}

    @property
    def is_over(self):
        """Whether nothing more will come."""
        return not self._thread.is_alive()

    def about(self, subject, event_type=None):
        """The events about a thing, as they came."""
        found = [event for event in self.heard if event["event"] not in ("reset", "end")]
        return [
            event
            for event in found
            if json.loads(event["data"])["subject"] == subject and event_type in (None, event["event"])
        ]

    def close(self):
        if self._connection.fileno() >= 0:
            self._connection.shutdown(socket.SHUT_RDWR)
            self._thread.join(10)
            self._lines.close()
            self._connection.close()
