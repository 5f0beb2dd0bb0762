"""Describes, for the OpenAPI document, the operations whose request or response is not JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.gateway.http import errors, responses
from services.gateway.openapi.operations import (
    ALWAYS,
    FORBIDDEN,
    NOT_FOUND,
    PROBLEM,
    header,
    idempotency_key,
    problems,
    response_header,
)
from shared.client.types.methods import METHODS
from shared.platform.rpc.operation import ANYONE

if TYPE_CHECKING:
    from shared.platform.schemas import Result


def describe_document(method: str, media_type: str) -> dict[str, Any]:
    """Return the operation that sends a document which is not JSON.

    Args:
        method: The RPC method that returns the document.
        media_type: The media type of the document.
    """
    contract = METHODS[method]
    refusals = ALWAYS | FORBIDDEN | NOT_FOUND
    done = {"description": "The document.", "content": {media_type: {"schema": {"type": "string"}}}}
    described: dict[str, Any] = {
        "operationId": method.partition(".")[2],
        "summary": contract.summary,
        "x-rpc-method": method,
        "x-permission": list(contract.permission),
        "responses": {"200": done} | problems(refusals | contract.errors),
    }
    return described | ({"security": []} if ANYONE in contract.permission else {})


def describe_transfer(method: str, summary: str, *, made: type[Result] | None = None) -> dict[str, Any]:
    """Return the operation for an upload that creates an object, or for a download.

    Args:
        method: The RPC method whose permission and errors it has.
        summary: The summary of the operation.
        made: What an upload creates; None for a download.
    """
    contract = METHODS[method]
    described = {
        "summary": summary,
        "description": f"Needs the permission {' or '.join(f'`{name}`' for name in contract.permission)}.",
        "x-rpc-method": method,
        "x-permission": list(contract.permission),
    }
    refusals = ALWAYS | FORBIDDEN | NOT_FOUND
    if made is None:
        return described | _download() | {"responses": _bytes() | problems(refusals | contract.errors)}
    refusals |= {
        "too_large": "The file is too large, or exceeds a quota: `scope`, `quota`, `remaining`.",
        "insufficient_storage": "There is no room for the file: `remaining`.",
        "unsupported_media_type": "The type of the file is not accepted, or the body is not multipart/form-data.",
        "request_timeout": "The file arrived too slowly.",
    }
    done = {
        "description": "The new attachment.",
        "content": {responses.JSON: {"schema": made}},
        "headers": {"Location": response_header("The address of the new attachment.")},
    }
    return described | _upload() | {"responses": {"201": done} | problems(refusals | contract.errors)}


def _upload() -> dict[str, Any]:
    properties = {
        "file": {"type": "string", "format": "binary"},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "The id of the attachment, which makes it safe to repeat the request.",
        },
    }
    form = {"type": "object", "required": ["file"], "additionalProperties": False, "properties": properties}
    return {
        "operationId": "add_attachment",
        "parameters": [idempotency_key()],
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
    }


def _download() -> dict[str, Any]:
    ranges = header("Range", "One range of bytes.", "bytes=0-1023")
    return {"operationId": "get_attachment_content", "parameters": [ranges]}


def _bytes() -> dict[str, Any]:
    # The type is that of the file. Generators of clients recognise bytes by the first.
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {"application/octet-stream": binary, "*/*": binary}
    return {
        "200": {"description": "The whole file.", "content": content},
        "206": {"description": "The bytes of the range.", "content": content},
        "304": {"description": "The client has the file, whose ETag If-None-Match names."},
        "416": {
            "description": "The range begins after the end of the file.",
            "content": {errors.MEDIA_TYPE: dict(PROBLEM)},
        },
    }
