"""One trace follows a report from HTTP to the people whom its alert reaches, across all processes."""

import secrets

from tests.support.waiting import eventually

SERVER, CLIENT, PRODUCER, CONSUMER = "SERVER", "CLIENT", "PRODUCER", "CONSUMER"
ROUTE = "PUT /api/v1/reports/<uuid:report_id>/status"
METHOD = "reports.change_report_status"


def confirm_a_severe_report(system, headers):
    """A rule makes an alert of it, to the people of its region."""
    levels = {level["level"]: level["id"] for level in system.admin.done("GET", "/severity-levels")["items"]}
    report = system.admin.done("POST", "/reports", json=system.report_body(severity_level_id=levels[5]))
    answer = system.admin(
        "PUT",
        f"/reports/{report['id']}/status",
        version=report["version"],
        json={"status": "confirmed", "notes": "Seen."},
        headers=headers,
    )
    assert answer.ok, answer.text
    return answer


def line_of(spans, span):
    """From the beginning of the trace to this span."""
    by_id = {one.span_id: one for one in spans}
    line = [span]
    while line[0].parent_id in by_id:
        line.insert(0, by_id[line[0].parent_id])
    return line


def test_one_trace_leads_from_http_to_those_whom_the_alert_reaches(system, collector):
    trace_id, before = secrets.token_hex(16), secrets.token_hex(8)
    answer = confirm_a_severe_report(system, {"traceparent": f"00-{trace_id}-{before}-01"})

    def told():
        return next(
            (
                span
                for span in collector.of(trace_id)
                if span.attributes.get("messaging.rabbitmq.destination.routing_key") == "alert_targeted"
            ),
            None,
        )

    last = eventually(told, "the end of the trace has come", timeout=30)
    line = line_of(collector.of(trace_id), last)
    assert [(span.service, span.kind, span.name) for span in line] == [
        ("gateway", SERVER, ROUTE),
        ("gateway", CLIENT, METHOD),
        ("reports", SERVER, METHOD),
        ("reports", PRODUCER, "publish reports.events"),
        ("alerts", CONSUMER, "process alerts.rules"),
        ("alerts", PRODUCER, "publish alerts.events"),
        ("alerts", CONSUMER, "process alerts.targeting"),
        ("alerts", PRODUCER, "publish alerts.events"),
    ]
    assert line[0].parent_id == before
    assert answer.headers["traceresponse"] == f"00-{trace_id}-{line[0].span_id}-01"
    assert line[0].attributes["http.response.status_code"] == 200
    asked_under = answer.headers["X-Request-ID"]
    assert {span.attributes["messaging.message.conversation_id"] for span in line[3:]} == {asked_under}
    assert not any(span.failed for span in line)


def test_what_a_caller_got_wrong_is_said_and_is_no_failure(system, collector):
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    system.admin.refused(404, "GET", "/reports/01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f", headers=headers)
    spans = eventually(
        lambda: found if len(found := collector.of(trace_id)) == 3 else None, "all spans have come"
    )
    assert {span.attributes.get("error.type") for span in spans} == {None, "not_found"}
    assert not any(span.failed for span in spans)


def test_a_caller_can_ask_for_no_trace(system, collector):
    trace_id = secrets.token_hex(16)
    system.admin.done("GET", "/regions", headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-00"})
    # What was asked for afterwards has arrived, so this would have.
    later = secrets.token_hex(16)
    headers = {"traceparent": f"00-{later}-{secrets.token_hex(8)}-01"}
    system.admin.done("GET", "/regions", headers=headers)
    eventually(lambda: len(collector.of(later)) == 3, "the later spans have come")
    assert collector.of(trace_id) == []
