"""CloudWatch as the SDK for Go talks to it."""

from __future__ import annotations

import datetime
import io
import unittest
from typing import Any

from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer

from .. import cbor
from ..account import operation_model


def ask(operation: str, name: str, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The status and the parsed answer of one request."""
    body = bytearray()
    shape = operation_model("cloudwatch", name).input_shape
    RpcV2CBORSerializer()._serialize_data_item(body, parameters, shape)
    scope = "20261122/us-east-1/monitoring/aws4_request"
    environ = {
        "PATH_INFO": f"/service/GraniteServiceVersion20100801/operation/{operation}",
        "HTTP_SMITHY_PROTOCOL": "rpc-v2-cbor",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=any/{scope}, SignedHeaders=host",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(bytes(body)),
    }
    assert cbor.speaks(environ)
    seen: list[str] = []
    answer = b"".join(cbor.answer(environ, lambda status, headers: seen.append(status)))
    parser = RpcV2CBORParser()
    return seen[0], parser.parse_data_item(parser.get_peekable_stream_from_bytes(answer))


class Cbor(unittest.TestCase):
    def test_what_is_put_is_found(self) -> None:
        now = datetime.datetime.now(datetime.timezone.utc)
        datum = {"MetricName": "Load", "Timestamp": now, "Value": 1.5}
        data = {"Namespace": "Cbor", "MetricData": [datum]}
        status, _ = ask("PutMetricData", "put_metric_data", data)
        self.assertEqual(status, "200 OK")
        status, found = ask(
            "GetMetricStatistics",
            "get_metric_statistics",
            {
                "Namespace": "Cbor",
                "MetricName": "Load",
                "StartTime": now - datetime.timedelta(minutes=5),
                "EndTime": now + datetime.timedelta(minutes=5),
                "Period": 60,
                "Statistics": ["Average"],
            },
        )
        self.assertEqual([point["Average"] for point in found["Datapoints"]], [1.5])
        self.assertIsInstance(found["Datapoints"][0]["Timestamp"], datetime.datetime)

    def test_a_refusal_keeps_its_code(self) -> None:
        status, refused = ask("DescribeAlarms", "describe_alarms", {"MaxRecords": -1})
        self.assertEqual(status, "400 Bad Request")
        self.assertEqual(refused["__type"], "ValidationError")


if __name__ == "__main__":
    unittest.main()
