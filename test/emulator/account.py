"""Calls to the emulated account's own API, in process.

Every resource is created through boto3, so botocore checks the name and the type of each
parameter against AWS's service model before moto sees it. The requests never touch a socket: a
hook hands them to the same WSGI application that serves the port, which keeps unit tests free of
servers and spares a deployment one round trip per call.
"""

from __future__ import annotations

import functools
import html
import io
import json
import math
import re
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator
from moto.cloudwatch.models import CloudWatchBackend
from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket, S3Backend
from werkzeug.test import EnvironBuilder, run_wsgi_app

ACCOUNT_ID = "123456789012"

_services = DomainDispatcherApplication(create_backend_app)


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """moto's services as one WSGI application.

    A call that moto lacks is answered as a refusal: left to a plain server error, every SDK would
    retry it for a minute.
    """
    try:
        return _services(environ, start_response)
    except NotImplementedError as missing:
        print(f"peakline: {missing}", flush=True)
        message = html.escape(str(missing))
        if "HTTP_X_AMZ_TARGET" in environ:
            kind, body = "x-amz-json-1.1", json.dumps(
                {"__type": "NotImplemented", "message": message}
            )
        else:
            kind, body = "xml", (
                f"<ErrorResponse><Error><Code>NotImplemented</Code>"
                f"<Message>{message}</Message></Error></ErrorResponse>"
            )
        start_response("400 Bad Request", [("Content-Type", f"application/{kind}")])
        return [body.encode()]

endpoint = "http://localhost:4566"
"""Where the account is reached; moto writes it into queue URLs and the like."""


# Any credentials may do anything here, and moto would deny by a statement whose condition (say, no
# TLS) does not hold, such as the one on the CDK's own bucket.
FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL  # type: ignore[method-assign]
# S3 looks at the permission to write an access log when it delivers one. moto would demand it
# beforehand, from a policy that names the bucket which is just being made.
FakeBucket._log_permissions_enabled_policy = lambda *_, **__: True  # type: ignore[method-assign]
# S3 delivers access logs within hours, moto at once, into a bucket that would then not be empty
# when its stack is deleted a minute later.
S3Backend.log_incoming_request = lambda *_: None  # type: ignore[method-assign]

_get_metric_data = CloudWatchBackend.get_metric_data


def _get_metric_data_there_is(
    backend: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampAscending",
) -> list[dict[str, Any]]:
    """moto looks at every sample of the account for every period: two weeks of minutes take it most
    of a minute. There is nothing before the first sample of what is asked for.
    """
    if start_time >= end_time or not all("MetricStat" in query for query in queries):
        return _get_metric_data(backend, queries, start_time, end_time, scan_by)
    stats = [query["MetricStat"] for query in queries]
    asked = {
        (metric["MetricName"], frozenset((d["Name"], d["Value"]) for d in metric["Dimensions"]))
        for metric in ({"Dimensions": [], **stat["Metric"]} for stat in stats)
    }
    samples = [
        (datum.timestamp, datum.name, frozenset((d.name, d.value) for d in datum.dimensions))
        for datum in backend.get_all_metrics()
        if datum.timestamp >= start_time
    ]
    # Without dimensions moto looks at every sample of the name.
    first = min(
        (time for time, name, own in samples if asked & {(name, own), (name, frozenset())}),
        default=end_time,
    )
    step = timedelta(seconds=math.lcm(*(int(stat["Period"]) for stat in stats)))
    whole = (end_time - start_time) // step
    start_time += max(0, min((first - start_time) // step, whole - 1)) * step
    return _get_metric_data(backend, queries, start_time, end_time, scan_by)


CloudWatchBackend.get_metric_data = _get_metric_data_there_is  # type: ignore[method-assign]


class RefusedProperty(Exception):
    """A property that AWS's API would not accept."""


class Account:
    """The account's API in one region."""

    def __init__(self, region: str) -> None:
        self.region = region

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Calls one operation, named as boto3 names it (`create_vpc`)."""
        response = getattr(_client(service, self.region), operation)(**parameters)
        response.pop("ResponseMetadata", None)
        return response

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        """The items of every page of a listing."""
        paginator = _client(service, self.region).get_paginator(operation)
        return [item for page in paginator.paginate(**parameters) for item in page[key]]


def operation_model(service: str, operation: str) -> OperationModel:
    """AWS's model of an operation, named as boto3 names it."""
    client = _client(service, "us-east-1")
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])


def validate(parameters: dict[str, Any], shape: Shape) -> None:
    """Holds parameters against AWS's model, as a call would before it is sent."""
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise RefusedProperty(report.generate_report())


@functools.cache
def _client(service: str, region: str) -> Any:
    client = boto3.session.Session(
        aws_access_key_id="peakline", aws_secret_access_key="peakline", region_name=region
    ).client(
        service,
        endpoint_url=endpoint,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 0},
            # moto takes a compressed call's body for compressed after it was unpacked.
            disable_request_compression=True,
        ),
    )
    client.meta.events.register("before-send", _send)
    return client


def _send(request: Any, **_: Any) -> AWSResponse:
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    builder = EnvironBuilder(
        path=re.sub(r"^https?://[^/]+", "", request.url),
        base_url=endpoint,
        method=request.method,
        headers={
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        },
        data=body,
    )
    content, status, headers = run_wsgi_app(application, builder.get_environ(), buffered=True)
    return AWSResponse(request.url, int(status.split()[0]), headers, _Raw(b"".join(content)))


class _Raw(io.BytesIO):
    """A response body as urllib3 would present it to botocore."""

    def stream(self, **_: Any) -> Any:
        while chunk := self.read():
            yield chunk
