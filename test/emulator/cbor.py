"""The protocol in which newer SDKs talk to CloudWatch, which moto does not speak.

AWS's SDK for Go sends Smithy RPC v2 with CBOR bodies. Such a request becomes a call in the
protocol that moto knows, and its answer goes back as CBOR; botocore does the coding.
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import gzip
import re
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer

from .account import Account, operation_model

_PATH = re.compile(r"/service/[^/]+/operation/(\w+)$")
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
_SERVICES = {"monitoring": "cloudwatch"}
"""boto3's names of services, by the name that requests are signed for."""


def speaks(environ: dict[str, Any]) -> bool:
    """Whether a request is in this protocol."""
    return environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor"


def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers one request."""
    operation = _PATH.search(environ["PATH_INFO"])
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if operation is None or scope is None:
        return _send(start_response, "400 Bad Request", _error("BadRequest", environ["PATH_INFO"]))
    region, name = scope[1], xform_name(operation[1])
    service = _SERVICES.get(scope[2], scope[2])
    try:
        found = Account(region).call(service, name, **_decode(environ))
    except ClientError as refused:
        details = refused.response["Error"]
        return _refuse(start_response, details["Code"], details["Message"])
    except ParamValidationError as refused:
        return _refuse(start_response, "ValidationError", str(refused))
    shape = operation_model(service, name).output_shape
    body = bytearray()
    if shape is not None:
        RpcV2CBORSerializer()._serialize_data_item(body, found, shape)
    return _send(start_response, "200 OK", bytes(body or b"\xa0"))


def _decode(environ: dict[str, Any]) -> dict[str, Any]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
        body = gzip.decompress(body)
    if not body:
        return {}
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def _refuse(start_response: Any, code: str, message: str) -> list[bytes]:
    # Services that used to speak the query protocol repeat its code in a header.
    header = ("x-amzn-query-error", f"{code};Sender")
    return _send(start_response, "400 Bad Request", _error(code, message), header)


def _error(code: str, message: str) -> bytes:
    body = bytearray(b"\xa2")
    for text in ("__type", code, "message", message):
        RpcV2CBORSerializer()._serialize_type_string(body, text, None, None)
    return bytes(body)


def _send(
    start_response: Any, status: str, body: bytes, *headers: tuple[str, str]
) -> list[bytes]:
    start_response(
        status,
        [
            ("Content-Type", "application/cbor"),
            ("Content-Length", str(len(body))),
            ("smithy-protocol", "rpc-v2-cbor"),
            *headers,
        ],
    )
    return [body]
