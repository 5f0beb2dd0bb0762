"""A system of somebody else's, with plain nameko: hears of reports, and files one. Nothing of ImpactX is imported.

AMQP_URI, IMPACTX_EMAIL and IMPACTX_PASSWORD say where and as whom. The user of the broker is that of
``broker-users --nameko-client neighbour``, after the name of the service below.
"""

import eventlet

eventlet.monkey_patch()

import os
from uuid import uuid4

from eventlet.queue import Queue
from nameko.containers import ServiceContainer
from nameko.events import event_handler
from nameko.standalone.rpc import ClusterRpcProxy

CONFIG = {
    "AMQP_URI": os.environ["AMQP_URI"],
    "DECLARE_EVENT_EXCHANGES": False,  # they are there, and are not ours to declare
}
SECONDS = 10

heard = Queue()


class Neighbour:
    """Listens on a queue of its own, which nameko declares: evt-reports-report_created--neighbour.on_report."""

    name = "neighbour"

    @event_handler("reports", "report_created")
    def on_report(self, data):
        heard.put(data)


def main() -> None:
    listener = ServiceContainer(Neighbour, CONFIG)
    listener.start()
    try:
        with ClusterRpcProxy(CONFIG, timeout=SECONDS) as services:
            tokens = services.identity.authenticate(
                email=os.environ["IMPACTX_EMAIL"], password=os.environ["IMPACTX_PASSWORD"]
            )
        # What nameko calls context data travels as headers; the token goes there.
        with ClusterRpcProxy(CONFIG, {"auth_token": tokens["access_token"]}, timeout=SECONDS) as services:
            region = services.identity.list_regions(limit=1)["items"][0]
            report_type = services.reports.list_report_types()["items"][0]
            severity = services.reports.list_severity_levels()["items"][-1]
            report = services.reports.create_report(
                id=str(uuid4()),  # so that the call could be repeated
                region_id=region["id"],
                report_type_id=report_type["id"],
                severity_level_id=severity["id"],
                title="Road blocked",
                description="A tree lies across the road to the hospital.",
                location={"type": "Point", "coordinates": [-72.3, 18.55]},
            )
        print(f"filed {report['id']}: {report['status']}")
        while (event := heard.get(timeout=SECONDS))["report_id"] != report["id"]:
            pass
        print(f"heard of {event['report_id']}: {event['title']}, severity {event['severity_level']}")
    finally:
        listener.stop()


if __name__ == "__main__":
    main()
