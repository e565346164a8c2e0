"""Secrets Manager as an API on 127.0.0.1 until standard input closes.

Prints one line of JSON: the endpoint, and the ARN of a function that answers every invocation and does nothing, because
RotateSecret accepts only a function that exists. The test performs the steps itself.
"""
import io
import json
import sys
import zipfile

import boto3
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer

default_user_config["lambda"] = {"use_docker": False}
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = "http://%s:%d" % server.get_host_and_port()
session = boto3.session.Session("test", "test", region_name="us-east-1")

trust = {"Version": "2012-10-17", "Statement": []}
role = session.client("iam", endpoint_url=endpoint).create_role(
    RoleName="rotation", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
package = io.BytesIO()
with zipfile.ZipFile(package, "w") as content:
    content.writestr("bootstrap", "")
function = session.client("lambda", endpoint_url=endpoint).create_function(
    FunctionName="rotation", Role=role, Runtime="provided.al2023", Handler="bootstrap",
    Code={"ZipFile": package.getvalue()})["FunctionArn"]

print(json.dumps({"endpoint": endpoint, "function": function}), flush=True)
sys.stdin.read()
server.stop()
