"""One id leads through the logs of all processes, and no secret is in them."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from tests.e2e.systems import PASSWORD
from tests.support.waiting import eventually


def outcome_of(system, request_id, method):
    """The line that ends a call."""

    def found():
        return [
            line
            for _, line in lines_under(system, request_id)
            if line.get("method") == method and "outcome" in line
        ]

    (line,) = eventually(found, "the call is logged")
    return line


def lines_under(system, request_id):
    return [
        (name, line)
        for name, watched in system.watched.items()
        for line in watched.lines()
        if request_id in (line.get("correlation_id"), *line.get("correlation_ids", ()))
    ]


@contextmanager
def not_allowed_to_write(system):
    """A fault that does not pass by itself."""
    with psycopg.connect(system.database.admin_url, autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON reports.reports FROM reports_service")
        try:
            yield
        finally:
            connection.execute("GRANT INSERT ON reports.reports TO reports_service")


def test_every_line_of_a_call_names_its_id_service_method_and_outcome(system):
    request_id = "a-report-that-is-followed"
    system.admin.done("POST", "/reports", json=system.report_body(), headers={"X-Request-ID": request_id})
    line = outcome_of(system, request_id, "create_report")
    assert (line["service"], line["outcome"], line["level"]) == ("reports", "ok", "DEBUG")
    assert line["seconds"] > 0
    assert line["traceparent"].startswith("00-")
    (access,) = [line for _, line in lines_under(system, request_id) if line["logger"] == "impactx.access"]
    assert (access["service"], access["status"], access["level"]) == ("gateway", 201, "INFO")


def test_the_id_of_a_call_leads_to_what_the_handlers_of_its_event_log(system):
    request_id = "a-report-whose-history-is-written"
    system.admin.done("POST", "/reports", json=system.report_body(), headers={"X-Request-ID": request_id})

    def handled():
        return [line for _, line in lines_under(system, request_id) if line.get("queue") == "reports.history"]

    line = eventually(handled, "the handler has logged", timeout=30)[0]
    assert (line["service"], line["level"]) == ("reports", "DEBUG")


def test_a_refused_call_is_logged_with_its_slug(system):
    request_id = "a-report-that-is-not-there"
    headers = {"X-Request-ID": request_id}
    system.admin.refused(404, "GET", "/reports/01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f", headers=headers)
    line = outcome_of(system, request_id, "get_report")
    assert (line["service"], line["level"], line["outcome"]) == ("reports", "INFO", "not_found")


def test_a_call_that_fails_is_logged_with_its_traceback_and_none_of_its_arguments(system):
    request_id, secret = "a-report-that-fails", "what-nobody-shall-read"
    body = system.report_body(description=secret)
    with not_allowed_to_write(system):
        system.admin.refused(500, "POST", "/reports", json=body, headers={"X-Request-ID": request_id})
    lines = [line for name, line in lines_under(system, request_id) if name == "reports"]
    assert [line["level"] for line in lines if line["level"] != "DEBUG"][:2] == ["ERROR", "WARNING"]
    assert any("Traceback" in line.get("exception", "") for line in lines)
    assert secret not in system["reports"].process.output()


def test_no_secret_is_in_any_log(system):
    told = [
        value for name, value in system.environment.items() if name.endswith("_URL") or name == "AMQP_URI"
    ]
    passwords = {urlsplit(url).password for url in told}
    key = system.environment["IMPACTX_JWT_PRIVATE_KEY"].splitlines()[1]
    secrets = {PASSWORD, "wrong-but-secret", system.admin.token, key, *passwords}
    assert all(len(secret) > 7 for secret in secrets), secrets
    system.admin.refused(
        401, "POST", "/auth/login", json={"email": "nobody@impactx.example", "password": "wrong-but-secret"}
    )
    for watched in system.watched.values():
        written = watched.process.output()
        assert "serving" in written
        for secret in secrets:
            assert secret not in written, watched.process
