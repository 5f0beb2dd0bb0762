"""Files attached to reports: their records and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uuid6 import uuid7

from services.gateway.files import downloads, uploads
from services.gateway.http import requests, responses
from services.gateway.http.context import gateway, services, signed_in_caller
from services.gateway.http.errors import InsufficientStorage
from services.gateway.openapi.file_operations import describe_transfer
from services.gateway.routes.blueprint import PREFIX, ResourceBlueprint
from services.reports import schemas
from shared.client.errors import TooLarge
from shared.domain.permissions import REPORT_ATTACH
from shared.platform.schemas import Location

if TYPE_CHECKING:
    from uuid import UUID

    from flask import Response

FIELDS: Final = frozenset({"id"})


class Attached(schemas.Attachment):
    """The new attachment, with the position that its photo or video contained."""

    position = Location(
        metadata={
            "description": "Where the photo or video was taken, if its metadata say so. It is removed from the stored"
            " file and is returned only here, so that a client can offer it as the location of the report."
        },
    )


attachments = ResourceBlueprint("attachments", "Files attached to reports.")

attachments.offer(
    "GET",
    "/reports/<uuid:report_id>/attachments",
    "reports.list_attachments",
    schemas.OfReport,
    schemas.AttachmentPage,
    csv=True,
)
attachments.offer(
    "GET",
    "/reports/<uuid:report_id>/attachment-allowance",
    "reports.get_attachment_allowance",
    schemas.GetAttachmentAllowance,
    schemas.AttachmentAllowance,
)
attachments.offer(
    "GET",
    "/attachments/<uuid:attachment_id>",
    "reports.get_attachment",
    schemas.GetAttachment,
    schemas.Attachment,
)


@attachments.route("/reports/<uuid:report_id>/attachments", methods=["POST"], endpoint="add_attachment")
@attachments.doc(
    **describe_transfer(
        "reports.add_attachment",
        "Attach a file to a report. The type of the file is recognised by its content.",
        made=Attached,
    )
)
def add_attachment(report_id: UUID) -> Response:
    """Store the bytes first and record them then; if that fails, they are removed."""
    # before anything is read: a refused caller need not send any bytes
    signed_in_caller().require(REPORT_ATTACH)
    requests.refuse_query()
    key = requests.idempotent_id("reports.add_attachment")
    reports = services().reports
    allowance = reports.get_attachment_allowance(report_id=report_id, attachment_id=key)
    settings = gateway().settings
    upload = uploads.receive(
        gateway().files, settings.attachment_limit, allowance, keeps_metadata=settings.keep_photo_metadata
    )
    try:
        requests.refuse_unknown(upload.fields, upload.fields.keys() - FIELDS)
        attachment = reports.add_attachment(
            report_id=report_id,
            file_name=upload.file_name,
            mime_type=upload.kept.mime_type,
            file_size=upload.kept.size,
            sha256=upload.kept.sha256,
            id=upload.fields.get("id") or key or str(uuid7()),
        )
        upload.file.keep_as(attachment["file_path"])
    except TooLarge as error:  # other uploads were faster
        upload.file.discard()
        if error.details.get("scope") == uploads.TOTAL:
            raise InsufficientStorage(error.message, **error.details) from None
        raise
    except BaseException:
        upload.file.discard()
        raise
    position = upload.kept.position
    shown = {"position": {"type": "Point", "coordinates": list(position)}} if position is not None else {}
    response = responses.json_response({**attachment, **shown}, status=201)
    response.headers["Location"] = f"{PREFIX}/attachments/{attachment['id']}"
    return response


@attachments.route(
    "/attachments/<uuid:attachment_id>/content", methods=["GET"], endpoint="get_attachment_content"
)
@attachments.doc(
    **describe_transfer("reports.get_attachment", "Return the content of an attachment, or a range of it.")
)
def get_attachment_content(attachment_id: UUID) -> Response:
    """Return the bytes of an attachment to a caller who may see its report."""
    reports = services().reports
    requests.refuse_query()
    return downloads.send(gateway().files, reports.get_attachment(attachment_id=attachment_id))
