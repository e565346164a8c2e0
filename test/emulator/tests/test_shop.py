"""What the account holds beforehand, and what the closing summary reads from it."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

from .. import api, domain
from .deployed import account, delete, deploy, physical

LOCAL = Path(__file__).parents[3] / "config" / "environments" / "local.yaml"


def held(stack: str) -> dict[str, Any]:
    return next(part["holds"] for part in api.inventory()["shop"] if part["stack"] == stack)


class Shop(unittest.TestCase):
    def test_the_account_has_the_certificate_and_the_zone_of_the_shipped_file(self) -> None:
        domain.install()
        shipped = LOCAL.read_text()
        for named in (domain.CERTIFICATE, domain.ZONE, f"name: {domain.NAME}"):
            self.assertIn(named, shipped)
        found = account.call("acm", "describe_certificate", CertificateArn=domain.CERTIFICATE)
        self.assertEqual(found["Certificate"]["Status"], "ISSUED")
        zone = account.call("route53", "get_hosted_zone", Id=domain.ZONE)["HostedZone"]
        self.assertEqual(zone["Name"], f"{domain.NAME}.")

    def test_people_buckets_and_firewalls_are_read_from_the_account(self) -> None:
        back = ["https://shop.example.com/auth/callback"]
        visible = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False}
        resources = {
            "People": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "people"}},
            "Web": {
                "Type": "AWS::Cognito::UserPoolClient",
                "Properties": {
                    "UserPoolId": {"Ref": "People"},
                    "ClientName": "web",
                    "CallbackURLs": back,
                },
            },
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
            },
            "Firewall": {
                "Type": "AWS::WAFv2::WebACL",
                "Properties": {
                    "Name": "front",
                    "Scope": "CLOUDFRONT",
                    "DefaultAction": {"Allow": {}},
                    "VisibilityConfig": {"MetricName": "front", **visible},
                    "Tags": [{"Key": "owner", "Value": "tests"}],
                },
            },
        }
        self.assertEqual(deploy("shop-held", resources), "CREATE_COMPLETE")
        ids, found = physical("shop-held"), held("shop-held")
        client = {"name": "web", "id": ids["Web"], "back": back}
        self.assertEqual(
            found["pools"], [{"id": ids["People"], "name": "people", "clients": [client]}]
        )
        self.assertEqual(found["buckets"], [{"name": ids["Bucket"], "versioned": True}])
        self.assertEqual(
            found["firewalls"], [{"name": "front", "scope": "CLOUDFRONT", "rules": 0}]
        )
        self.assertEqual(delete("shop-held"), "DELETE_COMPLETE")


if __name__ == "__main__":
    unittest.main()
