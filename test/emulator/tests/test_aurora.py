"""The cluster as the ordinary AWS tools, and the replica scaler, see it."""

from __future__ import annotations

import datetime
import time
import unittest
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError

from .. import aurora
from .deployed import account, delete, deploy, physical, reasons

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def rds(operation: str, **parameters: Any) -> dict[str, Any]:
    return account.call("rds", operation, **parameters)


def database(name: str, **properties: Any) -> dict[str, Any]:
    """A cluster of one writer and a reader over three zones."""
    resources: dict[str, Any] = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.7.0.0/16"}},
        "Subnets": {
            "Type": "AWS::RDS::DBSubnetGroup",
            "Properties": {
                "DBSubnetGroupDescription": "three zones",
                "SubnetIds": [{"Ref": f"Subnet{index}"} for index in range(3)],
            },
        },
        "Parameters": {
            "Type": "AWS::RDS::DBClusterParameterGroup",
            "Properties": {
                "Description": "ours",
                "Family": "aurora-postgresql17",
                "Parameters": {"rds.force_ssl": "1"},
            },
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"username":"ada"}',
                    "GenerateStringKey": "password",
                    "PasswordLength": 30,
                    "ExcludeCharacters": " @/",
                }
            },
        },
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": {
                "DBClusterIdentifier": name,
                "DBClusterParameterGroupName": {"Ref": "Parameters"},
                "DBSubnetGroupName": {"Ref": "Subnets"},
                "Engine": "aurora-postgresql",
                "EngineVersion": "17.6",
                "MasterUsername": "ada",
                "MasterUserPassword": {
                    "Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password::}}"
                },
                "BackupRetentionPeriod": 1,
            }
            | properties,
        },
    }
    for index, zone in enumerate(ZONES):
        resources[f"Subnet{index}"] = {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"10.7.{index}.0/24",
                "AvailabilityZone": zone,
            },
        }
    for role, tier in (("Writer", 0), ("Reader", 1)):
        resources[role] = {
            "Type": "AWS::RDS::DBInstance",
            "Properties": {
                "DBClusterIdentifier": {"Ref": "Cluster"},
                "DBInstanceClass": "db.r8g.large",
                "DBInstanceIdentifier": f"{name}-{role}".lower(),
                "EnablePerformanceInsights": True,
                "Engine": "aurora-postgresql",
                "MonitoringInterval": 60,
                "PromotionTier": tier,
            },
        }
    resources["Reader"]["DependsOn"] = "Writer"
    return resources


def cluster(name: str) -> dict[str, Any]:
    return rds("describe_db_clusters", DBClusterIdentifier=name)["DBClusters"][0]


def instances(name: str) -> dict[str, dict[str, Any]]:
    found = rds("describe_db_instances", Filters=[{"Name": "db-cluster-id", "Values": [name]}])
    return {instance["DBInstanceIdentifier"]: instance for instance in found["DBInstances"]}


def writers(name: str) -> list[str]:
    members = cluster(name)["DBClusterMembers"]
    return [member["DBInstanceIdentifier"] for member in members if member["IsClusterWriter"]]


def available(identifier: str) -> None:
    while (
        rds("describe_db_instances", DBInstanceIdentifier=identifier)["DBInstances"][0][
            "DBInstanceStatus"
        ]
        != "available"
    ):
        time.sleep(0.02)


def error_code(raised: Any) -> str:
    return raised.exception.response["Error"]["Code"]


class Described(unittest.TestCase):
    def test_one_writer_and_a_reader_in_another_zone_with_what_was_asked_for(self) -> None:
        self.assertEqual(deploy("seen", database("seen")), "CREATE_COMPLETE", reasons("seen"))
        self.assertEqual(writers("seen"), ["seen-writer"])
        found = instances("seen")
        self.assertEqual(len({i["AvailabilityZone"] for i in found.values()}), 2)
        for instance in found.values():
            self.assertEqual(instance["DBInstanceStatus"], "available")
            self.assertTrue(instance["PerformanceInsightsEnabled"])
            self.assertEqual(instance["MonitoringInterval"], 60)
        self.assertEqual(len({i["DbiResourceId"] for i in found.values()}), 2)
        parameters = rds(
            "describe_db_cluster_parameters",
            DBClusterParameterGroupName=cluster("seen")["DBClusterParameterGroup"],
        )["Parameters"]
        self.assertIn(
            ("rds.force_ssl", "1"), [(p["ParameterName"], p["ParameterValue"]) for p in parameters]
        )

    def test_changed_properties_reach_cluster_and_instances(self) -> None:
        deploy("change", database("change"))
        resources = database("change", BackupRetentionPeriod=9, DeletionProtection=True)
        resources["Reader"]["Properties"]["DBInstanceClass"] = "db.r8g.xlarge"
        resources["Reader"]["Properties"]["EnablePerformanceInsights"] = False
        before = physical("change")
        self.assertEqual(deploy("change", resources), "UPDATE_COMPLETE", reasons("change"))
        self.assertEqual(physical("change"), before, "a changed value replaced the database")
        self.assertEqual(cluster("change")["BackupRetentionPeriod"], 9)
        reader = instances("change")["change-reader"]
        self.assertEqual(reader["DBInstanceClass"], "db.r8g.xlarge")
        self.assertFalse(reader["PerformanceInsightsEnabled"])
        self.assertEqual(delete("change"), "DELETE_FAILED")
        self.assertIn("deletion protection", reasons("change")["Cluster"])
        rds(
            "modify_db_cluster",
            DBClusterIdentifier="change",
            DeletionProtection=False,
            ApplyImmediately=True,
        )
        self.assertEqual(delete("change"), "DELETE_COMPLETE")
        self.assertEqual(instances("change"), {})

    def test_a_multi_az_cluster_has_three_members_of_its_own(self) -> None:
        resources = database("trio", Engine="postgres", EngineVersion="17.9")
        del resources["Writer"], resources["Reader"]
        resources["Parameters"]["Properties"]["Family"] = "postgres17"
        resources["Cluster"]["Properties"] |= {
            "DBClusterInstanceClass": "db.r6gd.large",
            "AllocatedStorage": 400,
            "Iops": 12000,
            "StorageType": "gp3",
            "EnableIAMDatabaseAuthentication": True,
        }
        self.assertEqual(deploy("trio", resources), "CREATE_COMPLETE", reasons("trio"))
        self.assertEqual(
            {name: one["AvailabilityZone"] for name, one in instances("trio").items()},
            {f"trio-instance-{n}": zone for n, zone in enumerate(ZONES, start=1)},
        )
        self.assertEqual(len(writers("trio")), 1)
        self.assertTrue(cluster("trio")["IAMDatabaseAuthenticationEnabled"])
        resources["Cluster"]["Properties"]["AllocatedStorage"] = 500
        before = physical("trio")
        self.assertEqual(deploy("trio", resources), "UPDATE_COMPLETE", reasons("trio"))
        self.assertEqual(physical("trio"), before, "more storage replaced the database")
        self.assertEqual(cluster("trio")["AllocatedStorage"], 500)
        self.assertEqual(delete("trio"), "DELETE_COMPLETE")
        self.assertEqual(instances("trio"), {})

    def test_a_blue_green_upgrade_is_rehearsed_and_the_stack_goes_on_with_green(self) -> None:
        resources = _upgraded("rehearsal", "16.13")
        self.assertEqual(deploy("rehearsal", resources), "CREATE_COMPLETE", reasons("rehearsal"))
        before, blue = physical("rehearsal"), cluster("rehearsal")
        made = rds(
            "create_blue_green_deployment",
            BlueGreenDeploymentName="upgrade",
            Source=blue["DBClusterArn"],
            TargetEngineVersion="17.9",
            TargetDBClusterParameterGroupName=before["NextParameters"],
        )["BlueGreenDeployment"]
        self.assertEqual(len(instances(made["Target"].rsplit(":", 1)[1])), 2)
        rds(
            "switchover_blue_green_deployment",
            BlueGreenDeploymentIdentifier=made["BlueGreenDeploymentIdentifier"],
        )
        green = cluster("rehearsal")
        self.assertEqual(green["EngineVersion"], "17.9")
        self.assertNotEqual(green["DbClusterResourceId"], blue["DbClusterResourceId"])
        self.assertEqual(sorted(instances("rehearsal")), sorted(_members(blue)))
        self.assertEqual(cluster("rehearsal-old1")["EngineVersion"], "16.13")

        resources = _upgraded("rehearsal", "17.9")
        resources["Parameters"]["Properties"]["Family"] = "aurora-postgresql17"
        del resources["NextParameters"]
        self.assertEqual(deploy("rehearsal", resources), "UPDATE_COMPLETE", reasons("rehearsal"))
        after = physical("rehearsal")
        for resource in ("Cluster", "Writer", "Reader"):
            self.assertEqual(after[resource], before[resource], "the deployment replaced it")
        now = cluster("rehearsal")
        self.assertEqual(now["DbClusterResourceId"], green["DbClusterResourceId"])
        self.assertEqual(now["DBClusterParameterGroup"], after["Parameters"])

    def test_there_is_no_green_cluster_without_logical_replication(self) -> None:
        deploy("deaf", database("deaf"))
        with self.assertRaisesRegex(ClientError, "logical_replication"):
            rds(
                "create_blue_green_deployment",
                BlueGreenDeploymentName="deaf",
                Source=cluster("deaf")["DBClusterArn"],
            )

    def test_listings_come_in_pages(self) -> None:
        deploy("pages", database("pages"))
        first = rds("describe_db_instances", MaxRecords=20)
        self.assertNotIn("Marker", first)
        for index in range(20):
            rds("create_db_parameter_group", **_group(index))
        pages = account.pages("rds", "describe_db_parameter_groups", "DBParameterGroups")
        self.assertGreaterEqual(len(pages), 20)


def _upgraded(name: str, version: str) -> dict[str, Any]:
    """A cluster before and after an upgrade from 16 to 17."""
    resources = database(name, EngineVersion=version)
    parameters = resources["Parameters"]["Properties"]
    parameters["Parameters"]["rds.logical_replication"] = "1"
    parameters["Family"] = "aurora-postgresql16"
    resources["NextParameters"] = {
        "Type": "AWS::RDS::DBClusterParameterGroup",
        "Properties": {**parameters, "Family": "aurora-postgresql17"},
    }
    return resources


def _members(found: dict[str, Any]) -> list[str]:
    return [member["DBInstanceIdentifier"] for member in found["DBClusterMembers"]]


def _group(index: int) -> dict[str, str]:
    return {
        "DBParameterGroupName": f"group-{index}",
        "DBParameterGroupFamily": "aurora-postgresql17",
        "Description": "one of many",
    }


class Scaled(unittest.TestCase):
    """What the replica scaler does, with its own calls."""

    @classmethod
    def setUpClass(cls) -> None:
        assert deploy("scaled", database("scaled")) == "CREATE_COMPLETE"

    def setUp(self) -> None:
        while len(instances("scaled")) > 2:
            time.sleep(0.02)

    def create(self, identifier: str, **parameters: Any) -> dict[str, Any]:
        return rds(
            "create_db_instance",
            DBInstanceIdentifier=identifier,
            DBInstanceClass="db.r8g.large",
            DBClusterIdentifier="scaled",
            Engine="aurora-postgresql",
            **parameters,
        )["DBInstance"]

    def test_a_new_reader_is_creating_then_available_then_deleting_then_gone(self) -> None:
        made = self.create("scaled-auto-r01", Tags=[{"Key": "owner", "Value": "scaler"}])
        self.assertEqual(made["DBInstanceStatus"], "creating")
        self.assertEqual(made["AvailabilityZone"], "us-east-1c", "the emptiest zone comes first")
        with self.assertRaises(ClientError) as raised:
            self.create("scaled-auto-r01")
        self.assertEqual(error_code(raised), "DBInstanceAlreadyExists")
        available("scaled-auto-r01")
        self.assertEqual(
            instances("scaled")["scaled-auto-r01"]["TagList"], [{"Key": "owner", "Value": "scaler"}]
        )
        gone = rds(
            "delete_db_instance", DBInstanceIdentifier="scaled-auto-r01", SkipFinalSnapshot=True
        )
        self.assertEqual(gone["DBInstance"]["DBInstanceStatus"], "deleting")
        with self.assertRaises(ClientError) as raised:
            self.create("scaled-auto-r01")
        self.assertEqual(
            error_code(raised), "DBInstanceAlreadyExists", "the slot is still deleting"
        )
        while "scaled-auto-r01" in instances("scaled"):
            time.sleep(0.02)

    def test_quotas_refuse(self) -> None:
        with mock.patch.object(aurora, "INSTANCE_QUOTA", 0):
            with self.assertRaises(ClientError) as raised:
                self.create("scaled-auto-r09")
        self.assertEqual(error_code(raised), "InstanceQuotaExceeded")
        with mock.patch.object(aurora, "MEMBERS_PER_CLUSTER", 2):
            with self.assertRaises(ClientError):
                self.create("scaled-auto-r09")

    def test_a_cluster_with_members_is_not_deleted(self) -> None:
        with self.assertRaises(ClientError) as raised:
            rds("delete_db_cluster", DBClusterIdentifier="scaled", SkipFinalSnapshot=True)
        self.assertEqual(error_code(raised), "InvalidDBClusterStateFault")

    def test_failover_moves_the_writer_by_promotion_tier_and_back(self) -> None:
        self.create("scaled-auto-r02", PromotionTier=15)
        available("scaled-auto-r02")
        rds("failover_db_cluster", DBClusterIdentifier="scaled")
        self.assertEqual(writers("scaled"), ["scaled-reader"])
        rds(
            "failover_db_cluster",
            DBClusterIdentifier="scaled",
            TargetDBInstanceIdentifier="scaled-writer",
        )
        self.assertEqual(writers("scaled"), ["scaled-writer"])
        rds("delete_db_instance", DBInstanceIdentifier="scaled-auto-r02", SkipFinalSnapshot=True)

    def test_a_deleted_writer_hands_over(self) -> None:
        self.create("scaled-auto-r03", PromotionTier=0)
        available("scaled-auto-r03")
        rds(
            "failover_db_cluster",
            DBClusterIdentifier="scaled",
            TargetDBInstanceIdentifier="scaled-auto-r03",
        )
        rds("delete_db_instance", DBInstanceIdentifier="scaled-auto-r03", SkipFinalSnapshot=True)
        self.assertEqual(writers("scaled"), ["scaled-writer"])


class Measured(unittest.TestCase):
    def test_metrics_are_told_apart_by_role(self) -> None:
        now = datetime.datetime.now(datetime.timezone.utc)
        for role, value in (("READER", 90.0), ("WRITER", 10.0)):
            account.call(
                "cloudwatch",
                "put_metric_data",
                Namespace="AWS/RDS",
                MetricData=[
                    {
                        "MetricName": "CPUUtilization",
                        "Dimensions": _dimensions(role),
                        "Timestamp": now,
                        "Value": value,
                        "Unit": "Percent",
                    }
                ],
            )
        found = account.call(
            "cloudwatch",
            "get_metric_data",
            StartTime=now - datetime.timedelta(minutes=5),
            EndTime=now + datetime.timedelta(minutes=5),
            MetricDataQueries=[
                {
                    "Id": "cpu",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/RDS",
                            "MetricName": "CPUUtilization",
                            "Dimensions": _dimensions("READER"),
                        },
                        "Period": 60,
                        "Stat": "Average",
                    },
                }
            ],
        )
        self.assertEqual(found["MetricDataResults"][0]["Values"], [90.0])

    def test_two_weeks_are_found_as_moto_finds_them(self) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        for minutes, value in ((3 * 24 * 60 + 7, 10.0), (11, 20.0), (9, 40.0)):
            account.call(
                "cloudwatch",
                "put_metric_data",
                Namespace="Weeks",
                MetricData=[
                    {
                        "MetricName": "Demand",
                        "Dimensions": _dimensions("READER"),
                        "Timestamp": now - datetime.timedelta(minutes=minutes),
                        "Value": value,
                    }
                ],
            )
        for days, period, role, want in (
            (14, 60, "READER", [10.0, 20.0, 40.0]),
            (14, 300, "READER", [10.0, 30.0]),
            (1, 300, "READER", [30.0]),
            (14, 60, "WRITER", []),
        ):
            with self.subTest(days=days, period=period, role=role):
                found = account.call(
                    "cloudwatch",
                    "get_metric_data",
                    StartTime=now - datetime.timedelta(days=days, minutes=2),
                    EndTime=now,
                    ScanBy="TimestampAscending",
                    MetricDataQueries=[
                        {
                            "Id": "demand",
                            "MetricStat": {
                                "Metric": {
                                    "Namespace": "Weeks",
                                    "MetricName": "Demand",
                                    "Dimensions": _dimensions(role),
                                },
                                "Period": period,
                                "Stat": "Average",
                            },
                        }
                    ],
                )
                self.assertEqual(found["MetricDataResults"][0]["Values"], want)


def _dimensions(role: str) -> list[dict[str, str]]:
    return [
        {"Name": "DBClusterIdentifier", "Value": "measured"},
        {"Name": "Role", "Value": role},
    ]


if __name__ == "__main__":
    unittest.main()
