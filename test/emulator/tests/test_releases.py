"""Releases of both kinds on small stacks; test/e2e plays those of the shipped templates."""

from __future__ import annotations

import json
import threading
import time
import unittest
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from .. import functions, releases, traffic
from .deployed import account, call, deploy, physical, reasons, settled

functions.install()

HOST = "shop.test"


def _get(logical_id: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def _shop(name: str, image: str, **service: Any) -> dict[str, Any]:
    """A service behind one rule of two listeners, with an alarm and the way to it."""
    ref = {"Ref": "Network"}
    weights = [
        {"TargetGroupArn": {"Ref": "Blue"}, "Weight": 100},
        {"TargetGroupArn": {"Ref": "Green"}, "Weight": 0},
    ]
    found: dict[str, Any] = {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Cluster": {"Type": "AWS::ECS::Cluster"},
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {"Scheme": "internal", "Subnets": [{"Ref": "One"}, {"Ref": "Two"}]},
        },
        "Zone": {
            "Type": "AWS::Route53::HostedZone",
            "Properties": {"Name": f"{name}.{HOST}"},
        },
        "Name": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "Name": f"{name}.{HOST}",
                "Type": "A",
                "HostedZoneId": {"Ref": "Zone"},
                "AliasTarget": {
                    "DNSName": _get("Balancer", "DNSName"),
                    "HostedZoneId": _get("Balancer", "CanonicalHostedZoneID"),
                },
            },
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": f"{name}-errors",
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 1,
                "MetricName": "Errors",
                "Namespace": "Shop",
                "Period": 60,
                "Statistic": "Sum",
                "Threshold": 1,
            },
        },
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "Family": name,
                "ContainerDefinitions": [
                    {
                        "Name": "service",
                        "Image": image,
                        "Memory": 128,
                        "Environment": [{"Name": "SERVICE", "Value": name}],
                    }
                ],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "DependsOn": ["ProductionRule", "TestRule"],
            "Properties": {
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Task"},
                "DesiredCount": 1,
                **service,
            },
        },
    }
    for number, subnet in enumerate(("One", "Two")):
        found[subnet] = {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": ref,
                "CidrBlock": f"10.0.{number}.0/24",
                "AvailabilityZone": f"us-east-1{'ab'[number]}",
            },
        }
    for colour in ("Blue", "Green"):
        found[colour] = {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "Name": f"{name}-{colour}",
                "VpcId": ref,
                "Port": 80,
                "Protocol": "HTTP",
            },
        }
    for which, port in (("Production", 80), ("Test", 8080)):
        found[which] = {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": port,
                "Protocol": "HTTP",
                "DefaultActions": [
                    {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
                ],
            },
        }
        found[f"{which}Rule"] = {
            "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Properties": {
                "ListenerArn": {"Ref": which},
                "Priority": 1,
                "Conditions": [
                    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}
                ],
                "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}],
            },
        }
    return found


def _by_ecs(name: str, image: str) -> dict[str, Any]:
    return _shop(
        name,
        image,
        DeploymentConfiguration={
            "Strategy": "CANARY",
            "BakeTimeInMinutes": 10,
            "CanaryConfiguration": {"CanaryPercent": 20, "CanaryBakeTimeInMinutes": 5},
            "Alarms": {"AlarmNames": [{"Ref": "Alarm"}], "Enable": True, "Rollback": True},
        },
        LoadBalancers=[
            {
                "ContainerName": "service",
                "ContainerPort": 80,
                "TargetGroupArn": {"Ref": "Blue"},
                "AdvancedConfiguration": {
                    "AlternateTargetGroupArn": {"Ref": "Green"},
                    "ProductionListenerRule": {"Ref": "ProductionRule"},
                    "TestListenerRule": {"Ref": "TestRule"},
                    "RoleArn": "arn:aws:iam::123456789012:role/any",
                },
            }
        ],
    )


def _by_codedeploy(name: str, image: str) -> dict[str, Any]:
    found = _shop(
        name,
        image,
        DeploymentController={"Type": "CODE_DEPLOY"},
        LoadBalancers=[
            {"ContainerName": "service", "ContainerPort": 80, "TargetGroupArn": {"Ref": "Blue"}}
        ],
    )
    found["Service"]["Properties"]["TaskDefinition"] = name
    found["Service"]["DependsOn"].append("Task")
    found["Application"] = {
        "Type": "AWS::CodeDeploy::Application",
        "Properties": {"ApplicationName": name, "ComputePlatform": "ECS"},
    }
    found["Shift"] = {
        "Type": "AWS::CodeDeploy::DeploymentConfig",
        "Properties": {
            "ComputePlatform": "ECS",
            "TrafficRoutingConfig": {
                "Type": "TimeBasedLinear",
                "TimeBasedLinear": {"LinearPercentage": 50, "LinearInterval": 3},
            },
        },
    }
    found["Group"] = {
        "Type": "AWS::CodeDeploy::DeploymentGroup",
        "Properties": {
            "ApplicationName": {"Ref": "Application"},
            "DeploymentGroupName": "service",
            "DeploymentConfigName": {"Ref": "Shift"},
            "ServiceRoleArn": "arn:aws:iam::123456789012:role/any",
            "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": {"Ref": "Alarm"}}]},
            "BlueGreenDeploymentConfiguration": {
                "TerminateBlueInstancesOnDeploymentSuccess": {"TerminationWaitTimeInMinutes": 10}
            },
            "ECSServices": [
                {"ClusterName": {"Ref": "Cluster"}, "ServiceName": _get("Service", "Name")}
            ],
            "LoadBalancerInfo": {
                "TargetGroupPairInfoList": [
                    {
                        "TargetGroups": [{"Name": f"{name}-Blue"}, {"Name": f"{name}-Green"}],
                        "ProdTrafficRoute": {"ListenerArns": [{"Ref": "Production"}]},
                        "TestTrafficRoute": {"ListenerArns": [{"Ref": "Test"}]},
                    }
                ]
            },
        },
    }
    return found


def _weights(name: str, rule: str = "ProductionRule") -> list[int]:
    arn = physical(name)[rule]
    found = account.call("elbv2", "describe_rules", RuleArns=[arn])["Rules"][0]
    return [g["Weight"] for g in found["Actions"][0]["ForwardConfig"]["TargetGroups"]]


def _alarm(name: str, state: str) -> None:
    account.call(
        "cloudwatch",
        "set_alarm_state",
        AlarmName=f"{name}-errors",
        StateValue=state,
        StateReason="a test says so",
    )


def _events(name: str) -> list[str]:
    return [entry["event"] for entry in releases.journal if entry["service"] == name]


class Releases(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(releases.change, {"held": False})

    def until(self, reached: Callable[[], bool]) -> None:
        """Moves the clock until something is the case."""
        for _ in range(600):
            if reached():
                return
            releases.change({"minutes": 0.5})
            time.sleep(0.02)
        self.fail("it does not come to that")

    def release(self, name: str, image: str) -> threading.Thread:
        """Deploys another image beside the test, while the clock is held."""
        releases.change({"held": True})
        thread = threading.Thread(target=deploy, args=(name, _by_ecs(name, image)))
        thread.start()
        return thread

    def status(self, name: str) -> str:
        return settled(call("describe_stacks", StackName=name)["Stacks"][0]["StackId"])

    def test_ecs_shifts_in_steps_and_back_the_next_time(self) -> None:
        self.assertEqual(deploy("ecs", _by_ecs("ecs", "a:1")), "CREATE_COMPLETE", reasons("ecs"))
        self.assertEqual(_events("ecs"), [])
        thread = self.release("ecs", "a:2")
        self.until(lambda: "production 20" in _events("ecs"))
        self.assertEqual(_weights("ecs"), [80, 20])
        self.assertEqual(_weights("ecs", "TestRule"), [0, 100])
        self.until(lambda: "BAKE_TIME" in _events("ecs"))
        self.assertEqual(_weights("ecs"), [0, 100])
        found = account.call(
            "ecs",
            "describe_service_deployments",
            serviceDeploymentArns=[releases.service_deployments[-1]["serviceDeploymentArn"]],
        )["serviceDeployments"][0]
        self.assertEqual((found["status"], found["lifecycleStage"]), ("IN_PROGRESS", "BAKE_TIME"))
        releases.change({"held": False})
        thread.join()
        self.assertEqual(self.status("ecs"), "UPDATE_COMPLETE")
        self.assertEqual(_events("ecs")[-2:], ["old tasks end", "done"])
        self.assertEqual(deploy("ecs", _by_ecs("ecs", "a:3")), "UPDATE_COMPLETE")
        self.assertEqual(_weights("ecs"), [100, 0])

    def test_ecs_goes_back_on_an_alarm_and_when_the_update_is_cancelled(self) -> None:
        deploy("back", _by_ecs("back", "a:1"))
        for takes_back in (
            lambda: _alarm("back", "ALARM"),
            lambda: call("cancel_update_stack", StackName="back"),
        ):
            mark = len(_events("back"))
            thread = self.release("back", "a:2")
            self.until(lambda: "production 100" in _events("back")[mark:])
            takes_back()
            thread.join()
            self.assertEqual(self.status("back"), "UPDATE_ROLLBACK_COMPLETE")
            self.assertEqual(_weights("back"), [100, 0])
            self.assertEqual(_weights("back", "TestRule"), [100, 0])
            self.assertEqual(_events("back")[-1], "new tasks end")
            _alarm("back", "OK")
        with self.assertRaises(ClientError):
            call("cancel_update_stack", StackName="back")

    def test_ecs_ignores_alarms_that_fire_already(self) -> None:
        deploy("loud", _by_ecs("loud", "a:1"))
        _alarm("loud", "ALARM")
        self.assertEqual(deploy("loud", _by_ecs("loud", "a:2")), "UPDATE_COMPLETE")

    def test_tasks_that_do_not_start_are_taken_back(self) -> None:
        deploy("sick", _by_ecs("sick", "a:1"))
        releases.change({"images": {"a:sick": {"healthy": False}}})
        self.assertEqual(deploy("sick", _by_ecs("sick", "a:sick")), "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("a:sick", reasons("sick")["Service"])

    def deployment(self, name: str, **more: Any) -> str:
        """Has CodeDeploy release the newest revision."""
        appspec = {
            "version": "0.0",
            "Resources": [
                {
                    "TargetService": {
                        "Type": "AWS::ECS::Service",
                        "Properties": {
                            "TaskDefinition": physical(name)["Task"],
                            "LoadBalancerInfo": {"ContainerName": "service", "ContainerPort": 80},
                        },
                    }
                }
            ],
            "Hooks": [],
        }
        content = {"content": json.dumps(appspec)}
        return account.call(
            "codedeploy",
            "create_deployment",
            applicationName=name,
            deploymentGroupName="service",
            revision={"revisionType": "AppSpecContent", "appSpecContent": content},
            **more,
        )["deploymentId"]

    def ended(self, deployment: str) -> dict[str, Any]:
        while True:
            found = account.call("codedeploy", "get_deployment", deploymentId=deployment)
            if found["deploymentInfo"]["status"] in ("Succeeded", "Failed", "Stopped"):
                return found["deploymentInfo"]
            time.sleep(0.02)

    def test_codedeploy_shifts_one_deployment_at_a_time_and_goes_back(self) -> None:
        status = deploy("cd", _by_codedeploy("cd", "a:1"))
        self.assertEqual(status, "CREATE_COMPLETE", reasons("cd"))
        self.assertEqual(deploy("cd", _by_codedeploy("cd", "a:2")), "UPDATE_COMPLETE")
        releases.change({"held": True})
        deployment = self.deployment("cd")
        self.until(lambda: "production 50" in _events("cd"))
        self.assertEqual(_weights("cd"), [50, 50])
        with self.assertRaisesRegex(ClientError, "already has an active Deployment"):
            self.deployment("cd")
        account.call("codedeploy", "stop_deployment", deploymentId=deployment)
        stopped = self.ended(deployment)
        self.assertEqual(stopped["status"], "Stopped")
        self.assertEqual(stopped["errorInformation"]["code"], "MANUAL_STOP")
        self.assertEqual(_weights("cd"), [100, 0])
        releases.change({"held": False})
        self.assertEqual(self.ended(self.deployment("cd"))["status"], "Succeeded")
        self.assertEqual(_weights("cd"), [0, 100])
        _alarm("cd", "ALARM")
        loud = self.ended(self.deployment("cd"))
        self.assertEqual(loud["errorInformation"]["code"], "ALARM_ACTIVE")
        silent = {"enabled": False, "alarms": []}
        last = self.deployment("cd", overrideAlarmConfiguration=silent)
        self.assertEqual(self.ended(last)["status"], "Succeeded")
        self.assertEqual(_weights("cd"), [100, 0])

    def test_requests_go_where_the_rules_say(self) -> None:
        deploy("way", _by_ecs("way", "a:1"))
        name = f"way.{HOST}"
        self.assertEqual(traffic.answer(name, 80, "GET", "/api/x?y=1")[0], 200)
        self.assertEqual(traffic.answer(name, 80, "GET", "/other")[0], 404)
        self.assertEqual(traffic.answer(name, 81, "GET", "/api/x")[0], 502)
        self.assertEqual(traffic.answer("nobody.test", 80, "GET", "/api/x")[0], 502)
        thread = self.release("way", "a:2")
        self.until(lambda: "production 20" in _events("way"))
        rule = physical("way")["ProductionRule"]
        found = account.call("elbv2", "describe_rules", RuleArns=[rule])["Rules"][0]
        groups = found["Actions"][0]["ForwardConfig"]["TargetGroups"]
        weights = {g["TargetGroupArn"]: g["Weight"] for g in groups}
        met = Counter(traffic._share(rule, weights) for _ in range(10))
        self.assertEqual(sorted(met.values()), [2, 8])
        releases.change({"held": False})
        thread.join()


if __name__ == "__main__":
    unittest.main()
