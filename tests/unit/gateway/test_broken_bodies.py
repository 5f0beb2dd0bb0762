"""A body that comes too slowly or breaks off is answered with what is wrong with it, also within a file."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from shared.domain.permissions import EVERYTHING
from shared.platform.http.parser import MalformedBodyError, SlowBodyError
from shared.platform.rpc.context import Caller
from tests.support.gateway import application

HEAD = b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.gif"\r\n\r\nGIF89a'
ALLOWANCE = {"remaining": None, "quota": None, "scope": "account"}


class Broken:
    """A body of which a part arrives and then an error."""

    def __init__(self, part, error):
        self._part = part
        self._error = error

    def read(self, _size=-1):
        part, self._part = self._part, b""
        if not part:
            raise self._error
        return part


def verify(token, correlation_id):
    return Caller(
        user_id=UUID(int=1),
        roles=frozenset({"administrator"}),
        permissions={EVERYTHING: None},
        token=token,
        correlation_id=correlation_id,
    )


def send(path, content_type, body):
    reports = SimpleNamespace(get_attachment_allowance=lambda **_arguments: ALLOWANCE)
    rpc = SimpleNamespace(on_behalf_of=lambda _caller: SimpleNamespace(reports=reports))
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_AUTHORIZATION": "Bearer x"}
    return (
        application(rpc=rpc, verify=verify)
        .test_client()
        .post(path, content_type=content_type, environ_overrides=environ)
    )


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (SlowBodyError("The body must arrive faster."), 408, "request_timeout"),
        (MalformedBodyError("The body of the request is malformed: it ends."), 400, "bad_request"),
    ],
)
@pytest.mark.parametrize("part", [b"", HEAD], ids=["at once", "within the file"])
def test_a_file_that_breaks_off_is_answered_with_the_reason(error, status, slug, part):
    path = f"/api/v1/reports/{uuid4()}/attachments"
    answer = send(path, "multipart/form-data; boundary=e", Broken(part, error))
    assert (answer.status_code, answer.json["slug"], answer.json["detail"]) == (status, slug, str(error))


@pytest.mark.parametrize(
    ("error", "status"),
    [(SlowBodyError("The body is slow."), 408), (MalformedBodyError("It is malformed."), 400)],
)
def test_json_that_breaks_off_is_answered_with_the_reason(error, status):
    answer = send("/api/v1/reports", "application/json", Broken(b"{", error))
    assert (answer.status_code, answer.json["detail"]) == (status, str(error))
