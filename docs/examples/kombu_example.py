"""A call and a subscription with an AMQP library alone, as any language could do it.

AMQP_URI, IMPACTX_EMAIL and IMPACTX_PASSWORD say where and as whom. The user of the broker is one that
``broker-users --client NAME`` has made: it may have queues whose names begin with its own.
"""

import os
import time
from uuid import uuid4

import kombu

SECONDS = 10
# Passive: they are there, and are not ours to declare.
REQUESTS = kombu.Exchange("nameko-rpc", type="topic", passive=True)
EVENTS = kombu.Exchange("reports.events", type="topic", passive=True)


class RemoteProblem(Exception):
    """What a service answered instead of a result; ``slug`` says which kind."""

    def __init__(self, error):
        super().__init__(f"{error['slug']}: {error['message']} {error['fields'] or ''}")
        self.slug = error["slug"]


class Caller:
    """Calls methods of any service over one connection."""

    def __init__(self, connection):
        self._connection = connection
        self._channel = connection.channel()
        self._reply_to = str(uuid4())
        self._replies = {}
        queue = kombu.Queue(
            f"rpc.reply-{self._reply_to}", REQUESTS, self._reply_to, exclusive=True, auto_delete=True
        )
        kombu.Consumer(self._channel, [queue], callbacks=[self._receive], no_ack=True).consume()
        self._producer = kombu.Producer(self._channel, REQUESTS, serializer="json")

    def call(self, method, token="", **arguments):
        """Calls ``service.method`` and returns its result."""
        call_id = str(uuid4())
        self._producer.publish(
            {"args": [], "kwargs": arguments},
            routing_key=method,
            reply_to=self._reply_to,
            correlation_id=call_id,
            headers={"nameko.auth_token": token} if token else {},
            delivery_mode="transient",
            expiration=SECONDS,
            mandatory=True,
        )
        deadline = time.monotonic() + SECONDS
        while call_id not in self._replies:
            # Raises TimeoutError when nothing comes; everything on the connection is read here.
            self._connection.drain_events(timeout=max(deadline - time.monotonic(), 0.001))
        reply = self._replies.pop(call_id)
        if reply["error"]:
            raise RemoteProblem(reply["error"])
        return reply["result"]

    def _receive(self, body, message):
        self._replies[message.properties["correlation_id"]] = body


class Listener:
    """Hears of status changes on a durable queue of the broker's user that we connect as."""

    def __init__(self, connection):
        self._connection = connection
        self.heard = []
        name = f"{connection.userid}.report-status"
        queue = kombu.Queue(name, EVENTS, "report_status_changed", durable=True)
        consumer = kombu.Consumer(connection.channel(), [queue], callbacks=[self._receive])
        consumer.consume()

    def wait_for(self, report_id):
        """The first event of a report, with its headers."""
        deadline = time.monotonic() + SECONDS
        while True:
            for data, headers in self.heard:
                if data["report_id"] == report_id:
                    return data, headers
            self._connection.drain_events(timeout=max(deadline - time.monotonic(), 0.001))

    def _receive(self, body, message):
        # An event may come twice; its id, cloudEvents_id, is the same then.
        self.heard.append((body, message.headers))
        message.ack()


def main():
    with kombu.Connection(os.environ["AMQP_URI"]) as connection:
        listener = Listener(connection)
        caller = Caller(connection)
        token = caller.call(
            "identity.authenticate",
            email=os.environ["IMPACTX_EMAIL"],
            password=os.environ["IMPACTX_PASSWORD"],
        )["access_token"]
        region = caller.call("identity.list_regions", token, limit=1)["items"][0]
        report_type = caller.call("reports.list_report_types", token)["items"][0]
        severity = caller.call("reports.list_severity_levels", token)["items"][-1]
        new_report = {
            "id": str(uuid4()),
            "region_id": region["id"],
            "report_type_id": report_type["id"],
            "severity_level_id": severity["id"],
            "title": "Well polluted",
            "description": "The water of the village well smells of fuel.",
            "location": {"type": "Point", "coordinates": [-72.3, 18.55]},
        }
        report = caller.call("reports.create_report", token, **new_report)
        again = caller.call("reports.create_report", token, **new_report)
        print(f"filed {report['id']}: {report['status']}; again: the same, {again['id'] == report['id']}")

        caller.call(
            "reports.change_report_status",
            token,
            report_id=report["id"],
            version=report["version"],
            status="confirmed",
        )
        data, headers = listener.wait_for(report["id"])
        print(
            f"heard {headers['cloudEvents_type']} {headers['cloudEvents_sequence']}:"
            f" {data['previous_status']} > {data['status']}"
        )

        try:
            caller.call("reports.get_report", token, report_id="not an id")
        except RemoteProblem as problem:
            print(f"refused: {problem}")


if __name__ == "__main__":
    main()
