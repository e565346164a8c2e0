"""Functions and custom resources run for real, so this needs the server: they call back."""

from __future__ import annotations

import io
import json
import threading
import unittest
import zipfile
from typing import Any

from .. import server
from .deployed import account, delete, deploy, physical, reasons

BOOTSTRAP = """#!/usr/bin/env python3
import json, os, urllib.request
runtime = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
with urllib.request.urlopen(runtime + "next") as invocation:
    request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.load(invocation)
kind = event.get("RequestType")
wish = event.get("ResourceProperties", {}).get("Wish")
if kind and wish != "silence":
    answer = {
        "Status": "FAILED" if wish == kind else "SUCCESS",
        "Reason": "as wished",
        "PhysicalResourceId": "custom-1",
        "Data": {"Echo": f"{wish} {os.environ.get('GREETING')}"},
    }
    put = urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), method="PUT"
    )
    urllib.request.urlopen(put)
result = json.dumps({"seen": event}).encode()
urllib.request.urlopen(urllib.request.Request(runtime + request + "/response", result))
"""


class Functions(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        running = server.serve(0, create_seconds=0.2)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        cls.addClassCleanup(running.shutdown)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", BOOTSTRAP)
            archive.writestr("salt", cls.__name__)
        account.call("s3", "create_bucket", Bucket="code")
        account.call("s3", "put_object", Bucket="code", Key="code.zip", Body=code.getvalue())

    def resources(self, wish: str | None = None) -> dict[str, Any]:
        trust = {"Version": "2012-10-17", "Statement": []}
        found: dict[str, Any] = {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {"S3Bucket": "code", "S3Key": "code.zip"},
                    "Environment": {"Variables": {"GREETING": "hello"}},
                    "Handler": "bootstrap",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Runtime": "provided.al2023",
                    "Timeout": 30,
                },
            },
        }
        if wish:
            found["Custom"] = {
                "Type": "Custom::Wish",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Wish": wish},
            }
            echo = {"Type": "String", "Value": {"Fn::GetAtt": ["Custom", "Echo"]}}
            found["Echo"] = {"Type": "AWS::SSM::Parameter", "Properties": echo}
        return found

    def test_an_invoked_function_answers(self) -> None:
        status = deploy("function", self.resources())
        self.assertEqual(status, "CREATE_COMPLETE", reasons("function"))
        answer = account.call(
            "lambda", "invoke", FunctionName=physical("function")["Function"], Payload=b'{"a":1}'
        )
        self.assertEqual(json.load(answer["Payload"]), {"seen": {"a": 1}})

    def test_a_custom_resource_lives_as_its_function_says(self) -> None:
        status = deploy("custom", self.resources("luck"))
        self.assertEqual(status, "CREATE_COMPLETE", reasons("custom"))
        self.assertEqual(physical("custom")["Custom"], "custom-1")

        def echo() -> str:
            name = physical("custom")["Echo"]
            return account.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"]

        self.assertEqual(echo(), "luck hello")
        self.assertEqual(deploy("custom", self.resources("more")), "UPDATE_COMPLETE")
        self.assertEqual(echo(), "more hello")
        self.assertEqual(deploy("custom", self.resources("Update")), "UPDATE_ROLLBACK_COMPLETE")
        self.assertEqual(reasons("custom")["Custom"], "as wished")
        self.assertEqual(echo(), "more hello")
        self.assertEqual(deploy("custom", self.resources("Delete")), "UPDATE_COMPLETE")
        self.assertEqual(delete("custom"), "DELETE_FAILED")

    def test_a_function_that_says_nothing_fails_its_resource(self) -> None:
        self.assertEqual(deploy("silent", self.resources("silence")), "ROLLBACK_COMPLETE")
        self.assertIn("gave no answer", reasons("silent")["Custom"])


if __name__ == "__main__":
    unittest.main()
