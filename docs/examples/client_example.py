"""Files a report and confirms it, with ImpactX's own client.

AMQP_URI, IMPACTX_EMAIL and IMPACTX_PASSWORD say where and as whom. Run it from the checkout, or with ImpactX installed:
python -m docs.examples.client_example
"""

import os

from shared.client.errors import Conflict
from shared.client.rpc import RpcClient


def main() -> None:
    with RpcClient(
        os.environ["AMQP_URI"],
        email=os.environ["IMPACTX_EMAIL"],
        password=os.environ["IMPACTX_PASSWORD"],
    ) as client:
        region = client.identity.list_regions(limit=1)["items"][0]
        report_type = client.reports.list_report_types()["items"][0]
        severity = client.reports.list_severity_levels()["items"][-1]
        report = client.reports.create_report(
            region_id=region["id"],
            report_type_id=report_type["id"],
            severity_level_id=severity["id"],
            title="Bridge washed away",
            description="The bridge is gone; about forty people are cut off.",
            location={"type": "Point", "coordinates": [-72.3, 18.55]},
        )
        print(f"filed {report['id']}: {report['status']}")

        report = client.reports.change_report_status(
            report_id=report["id"], version=report["version"], status="confirmed", notes="Seen by the patrol."
        )
        print(f"now {report['status']}, version {report['version']}")

        try:
            client.reports.change_report_status(
                report_id=report["id"], version=report["version"], status="pending"
            )
        except Conflict as error:
            print(f"refused: {error.message} Legal: {', '.join(error.details['legal'])}")


if __name__ == "__main__":
    main()
