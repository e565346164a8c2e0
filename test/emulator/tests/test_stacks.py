"""The engine: order, update, replacement, rollback, change sets, deletion, exports."""

from __future__ import annotations

import unittest
from typing import Any

from botocore.exceptions import ClientError

from .deployed import account, call, change_set, delete, deploy, events, physical, reasons


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def group(name: str, days: int | None = 7) -> dict[str, Any]:
    retention = {} if days is None else {"RetentionInDays": days}
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name} | retention}


NETWORK = {
    "Vpc": {
        "Type": "AWS::EC2::VPC",
        "Properties": {"CidrBlock": "10.9.0.0/16", "EnableDnsHostnames": True},
    },
    "Default": {
        "Type": "AWS::EC2::Route",
        "DependsOn": "Attachment",
        "Properties": {
            "RouteTableId": {"Ref": "Table"},
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": {"Ref": "Gateway"},
        },
    },
    "Association": {
        "Type": "AWS::EC2::SubnetRouteTableAssociation",
        "Properties": {"RouteTableId": {"Ref": "Table"}, "SubnetId": {"Ref": "Subnet"}},
    },
    "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attachment": {
        "Type": "AWS::EC2::VPCGatewayAttachment",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}},
    },
    "Subnet": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "CidrBlock": {"Fn::Select": [1, {"Fn::Cidr": ["10.9.0.0/16", 4, 8]}]},
            "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
            "MapPublicIpOnLaunch": True,
        },
    },
    "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
    "Nat": {
        "Type": "AWS::EC2::NatGateway",
        "Properties": {
            "SubnetId": {"Ref": "Subnet"},
            "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
        },
    },
}


class Order(unittest.TestCase):
    def test_creates_after_and_deletes_before_what_a_resource_depends_on(self) -> None:
        self.assertEqual(deploy("order", NETWORK), "CREATE_COMPLETE")
        ids = physical("order")
        history = events("order")
        created = [name for name, status in history if status == "CREATE_COMPLETE"]
        for before, after in (
            ("Vpc", "Table"),
            ("Attachment", "Default"),
            ("Address", "Nat"),
            ("Subnet", "Association"),
        ):
            self.assertLess(created.index(before), created.index(after), (before, after))
        stack_id = call("describe_stacks", StackName="order")["Stacks"][0]["StackId"]
        self.assertEqual(delete("order"), "DELETE_COMPLETE", reasons(stack_id))
        vpcs = account.call("ec2", "describe_vpcs")["Vpcs"]
        self.assertNotIn(
            ids["Vpc"], [vpc["VpcId"] for vpc in vpcs], "a destroyed stack leaves its VPC behind"
        )
        deleted = [name for name, status in events(stack_id) if status == "DELETE_COMPLETE"]
        self.assertLess(deleted.index("Default"), deleted.index("Attachment"))

    def test_a_circle_is_refused(self) -> None:
        one = topic(DisplayName={"Ref": "Two"})
        two = topic(DisplayName={"Ref": "One"})
        self.assertIn("Circular dependency", deploy("circle", {"One": one, "Two": two}))


class Updates(unittest.TestCase):
    def test_a_changed_value_reaches_the_account_and_nothing_else_is_touched(self) -> None:
        deploy("update", {"Group": group("/update"), "Topic": topic(DisplayName="same")})
        before = physical("update")
        changed = {"Group": group("/update", 30), "Topic": topic(DisplayName="same")}
        status = deploy("update", changed)
        self.assertEqual(status, "UPDATE_COMPLETE")
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/update")
        self.assertEqual(groups["logGroups"][0]["retentionInDays"], 30)
        self.assertEqual(physical("update"), before)
        touched = {name for name, status in events("update") if status == "UPDATE_COMPLETE"}
        self.assertEqual(touched, {"Group", "update"})

    def test_a_dropped_property_goes_back_to_the_default(self) -> None:
        deploy("dropped", {"Group": group("/dropped")})
        deploy("dropped", {"Group": group("/dropped", None)})
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/dropped")
        self.assertNotIn("retentionInDays", groups["logGroups"][0])

    def test_a_create_only_property_replaces_and_dependents_follow(self) -> None:
        def resources(name: str) -> dict[str, Any]:
            parameter = {"Type": "String", "Value": {"Ref": "Group"}}
            return {
                "Group": group(name),
                "Follower": {"Type": "AWS::SSM::Parameter", "Properties": parameter},
            }

        deploy("replace", resources("/replace/one"))
        follower = physical("replace")["Follower"]
        self.assertEqual(deploy("replace", resources("/replace/two")), "UPDATE_COMPLETE")
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/replace/")
        self.assertEqual([g["logGroupName"] for g in groups["logGroups"]], ["/replace/two"])
        value = account.call("ssm", "get_parameter", Name=follower)["Parameter"]["Value"]
        self.assertEqual(value, "/replace/two", "a dependent kept pointing at a deleted resource")

    def test_tags_are_added_changed_and_removed(self) -> None:
        def tagged(**tags: str) -> dict[str, Any]:
            tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
            properties = {"CidrBlock": "10.8.0.0/16", "Tags": tag_list}
            return {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": properties}}

        deploy("tags", tagged(kept="1", changed="1", removed="1"))
        self.assertEqual(deploy("tags", tagged(kept="1", changed="2")), "UPDATE_COMPLETE")
        vpcs = account.call("ec2", "describe_vpcs", VpcIds=[physical("tags")["Vpc"]])["Vpcs"]
        self.assertEqual(
            {tag["Key"]: tag["Value"] for tag in vpcs[0]["Tags"]}, {"kept": "1", "changed": "2"}
        )

    def test_a_tagged_parameter_changes_its_value_and_its_tags(self) -> None:
        def parameter(value: str) -> dict[str, Any]:
            properties = {"Name": "/tagged", "Type": "String", "Value": value, "Tags": {"v": value}}
            return {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": properties}}

        deploy("parameter", parameter("1"))
        status = deploy("parameter", parameter("2"))
        self.assertEqual(status, "UPDATE_COMPLETE", reasons("parameter"))
        found = account.call("ssm", "get_parameter", Name="/tagged")["Parameter"]["Value"]
        self.assertEqual(found, "2")
        tags = account.call(
            "ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId="/tagged"
        )
        self.assertEqual(tags["TagList"], [{"Key": "v", "Value": "2"}])

    def test_a_removed_resource_is_deleted_after_the_rest_is_updated(self) -> None:
        deploy("removed", {"Group": group("/removed"), "Topic": topic()})
        self.assertEqual(deploy("removed", {"Topic": topic()}), "UPDATE_COMPLETE")
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/removed")
        self.assertEqual(groups["logGroups"], [])

    def test_a_change_that_no_call_carries_is_refused_rather_than_lost(self) -> None:
        address: dict[str, Any] = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}
        self.assertEqual(deploy("uncarried", {"Address": address}), "CREATE_COMPLETE")
        address["Properties"]["InstanceId"] = "i-1"
        self.assertEqual(deploy("uncarried", {"Address": address}), "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("InstanceId", reasons("uncarried")["Address"])


class Rollback(unittest.TestCase):
    def test_a_failed_creation_leaves_nothing_and_says_why(self) -> None:
        clash = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Group"}}}
        status = deploy("failing", {"Group": group("/failing"), "Bad": clash})
        self.assertEqual(status, "ROLLBACK_COMPLETE")
        self.assertIn("ResourceAlreadyExistsException", reasons("failing")["Bad"])
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/failing")
        self.assertEqual(groups["logGroups"], [])

    def test_a_failed_update_restores_values_replacements_and_removals(self) -> None:
        good = {
            "Group": group("/back/one"),
            "Kept": group("/back/kept"),
            "Topic": topic(DisplayName="a"),
        }
        deploy("back", good)
        before = physical("back")
        bad = {
            "Group": group("/back/two"),
            "Topic": topic(DisplayName="b"),
            "Bad": group("/back/kept") | {"DependsOn": ["Group", "Topic"]},
        }
        self.assertEqual(deploy("back", bad), "UPDATE_ROLLBACK_COMPLETE")
        self.assertEqual(physical("back"), before)
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/back/")
        self.assertEqual(
            [g["logGroupName"] for g in groups["logGroups"]], ["/back/kept", "/back/one"]
        )
        attributes = account.call("sns", "get_topic_attributes", TopicArn=before["Topic"])
        self.assertEqual(attributes["Attributes"]["DisplayName"], "a")
        self.assertEqual(deploy("back", good)[:13], "The submitted")

    def test_a_property_aws_would_refuse_fails_with_its_name(self) -> None:
        key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}, "RotationPeriod": 90}}
        self.assertEqual(deploy("misspelt", {"Key": key}), "ROLLBACK_COMPLETE")
        self.assertIn("RotationPeriod", reasons("misspelt")["Key"])

    def test_a_value_of_the_wrong_type_fails(self) -> None:
        alarm = {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": "often",
            },
        }
        self.assertEqual(deploy("mistyped", {"Alarm": alarm}), "ROLLBACK_COMPLETE")
        self.assertIn("EvaluationPeriods", reasons("mistyped")["Alarm"])


class UnknownTypes(unittest.TestCase):
    def test_a_type_without_a_row_fails_by_name_before_anything_is_created(self) -> None:
        resources = {"Group": group("/unknown"), "Robot": {"Type": "AWS::RoboMaker::Robot"}}
        reason = deploy("unknown", resources)
        self.assertIn("AWS::RoboMaker::Robot (Robot)", reason)
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/unknown")
        self.assertEqual(groups["logGroups"], [])


class ChangeSets(unittest.TestCase):
    def test_lists_additions_removals_changes_and_replacements(self) -> None:
        deploy("set", {"Group": group("/set"), "Old": topic(), "Topic": topic(DisplayName="a")})
        made = change_set(
            "set", {"Group": group("/set/new"), "New": topic(), "Topic": topic(DisplayName="b")}
        )
        found = {
            change["ResourceChange"]["LogicalResourceId"]: (
                change["ResourceChange"]["Action"],
                change["ResourceChange"].get("Replacement"),
            )
            for change in made["Changes"]
        }
        self.assertEqual(
            found,
            {
                "Group": ("Modify", "True"),
                "Topic": ("Modify", "False"),
                "New": ("Add", None),
                "Old": ("Remove", None),
            },
        )
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/set")
        self.assertEqual(len(groups["logGroups"]), 1, "looking at a change set changed the account")

    def test_without_changes_fails_in_the_words_the_cdk_looks_for(self) -> None:
        deploy("same", {"Topic": topic()})
        made = change_set("same", {"Topic": topic()})
        self.assertEqual(made["Status"], "FAILED")
        self.assertTrue(made["StatusReason"].startswith("The submitted information didn't contain"))

    def test_deleting_an_unknown_one_succeeds_and_describing_it_does_not(self) -> None:
        deploy("gone-set", {"Topic": topic()})
        call("delete_change_set", StackName="gone-set", ChangeSetName="never-was")
        with self.assertRaises(ClientError) as raised:
            call("describe_change_set", StackName="gone-set", ChangeSetName="never-was")
        self.assertEqual(raised.exception.response["Error"]["Code"], "ChangeSetNotFound")


class Deletion(unittest.TestCase):
    def test_retained_resources_stay(self) -> None:
        kept = group("/retained") | {"DeletionPolicy": "Retain"}
        deploy("retain", {"Group": kept, "Topic": topic()})
        stack_id = call("describe_stacks", StackName="retain")["Stacks"][0]["StackId"]
        self.assertEqual(delete("retain"), "DELETE_COMPLETE")
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/retained")
        self.assertEqual(len(groups["logGroups"]), 1)
        self.assertIn(("Group", "DELETE_SKIPPED"), events(stack_id))

    def test_a_replaced_resource_stays_when_its_policy_says_so(self) -> None:
        def kept(name: str) -> dict[str, Any]:
            return {"Group": group(name) | {"UpdateReplacePolicy": "Retain"}}

        deploy("keep-old", kept("/keep/one"))
        deploy("keep-old", kept("/keep/two"))
        groups = account.call("logs", "describe_log_groups", logGroupNamePrefix="/keep/")
        self.assertEqual(len(groups["logGroups"]), 2)

    def test_termination_protection_refuses(self) -> None:
        def protect(on: bool) -> None:
            call(
                "update_termination_protection",
                StackName="protected",
                EnableTerminationProtection=on,
            )

        deploy("protected", {"Topic": topic()})
        protect(True)
        with self.assertRaises(ClientError) as raised:
            call("delete_stack", StackName="protected")
        self.assertIn("TerminationProtection", str(raised.exception))
        protect(False)
        self.assertEqual(delete("protected"), "DELETE_COMPLETE")

    def test_a_resource_that_will_not_go_fails_the_deletion_and_keeps_what_it_needs(self) -> None:
        bucket = {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": "stuck"},
            "DependsOn": "Needed",
        }
        deploy("stuck", {"Needed": topic(), "Bucket": bucket, "Other": topic()})
        account.call("s3", "put_object", Bucket="stuck", Key="forgotten", Body=b"")
        self.assertEqual(delete("stuck"), "DELETE_FAILED")
        self.assertEqual(set(physical("stuck")), {"Needed", "Bucket"})
        account.call("s3", "delete_object", Bucket="stuck", Key="forgotten")
        self.assertEqual(delete("stuck"), "DELETE_COMPLETE")


class Values(unittest.TestCase):
    def test_conditions_mappings_parameters_and_no_value(self) -> None:
        resources = {
            "Topic": topic(
                DisplayName={"Fn::FindInMap": ["Names", {"Ref": "Stage"}, "display"]},
                KmsMasterKeyId={"Fn::If": ["Encrypted", "alias/aws/sns", {"Ref": "AWS::NoValue"}]},
            ),
            "Extra": topic() | {"Condition": "Encrypted"},
        }
        sections = {
            "Mappings": {"Names": {"prod": {"display": "Production"}}},
            "Conditions": {"Encrypted": {"Fn::Equals": [{"Ref": "Encrypt"}, "yes"]}},
            "Parameters": {
                "Stage": {"Type": "String"},
                "Encrypt": {"Type": "String", "Default": "no"},
            },
        }
        status = deploy("values", resources, {"Stage": "prod"}, **sections)
        self.assertEqual(status, "CREATE_COMPLETE", reasons("values"))
        self.assertEqual(set(physical("values")), {"Topic"})
        topic_arn = physical("values")["Topic"]
        found = account.call("sns", "get_topic_attributes", TopicArn=topic_arn)["Attributes"]
        self.assertEqual(found["DisplayName"], "Production")
        self.assertNotIn("KmsMasterKeyId", found)

    def test_the_cdks_own_metadata_does_nothing(self) -> None:
        metadata = {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:..."}}
        self.assertEqual(deploy("metadata", {"CDKMetadata": metadata}), "CREATE_COMPLETE")

    def test_parameters_of_an_ssm_type_follow_the_parameter(self) -> None:
        image = {"Name": "/image", "Type": "String"}
        account.call("ssm", "put_parameter", Value="one", **image)
        sections = {
            "Parameters": {
                "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"}
            }
        }
        resources = {"Topic": topic(DisplayName={"Ref": "Image"})}
        deploy("ssm", resources, **sections)
        account.call("ssm", "put_parameter", Value="two", Overwrite=True, **image)
        self.assertEqual(deploy("ssm", resources, **sections), "UPDATE_COMPLETE")
        found = account.call("sns", "get_topic_attributes", TopicArn=physical("ssm")["Topic"])
        self.assertEqual(found["Attributes"]["DisplayName"], "two")

    def test_exports_are_imported_and_protected(self) -> None:
        exporting = {"Name": {"Value": {"Ref": "Topic"}, "Export": {"Name": "shared-topic"}}}
        deploy("exporter", {"Topic": topic()}, Outputs=exporting)
        parameter = {"Type": "String", "Value": {"Fn::ImportValue": "shared-topic"}}
        importing = {"Copy": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}
        self.assertEqual(deploy("importer", importing), "CREATE_COMPLETE")
        self.assertEqual(
            deploy("exporter", {"Topic": topic(), "More": topic()}), "UPDATE_ROLLBACK_COMPLETE"
        )
        self.assertEqual(delete("exporter"), "DELETE_FAILED")
        self.assertEqual(delete("importer"), "DELETE_COMPLETE")
        self.assertEqual(delete("exporter"), "DELETE_COMPLETE")

    def test_outputs_of_other_stacks_are_read_weakly(self) -> None:
        deploy("producer", {"Topic": topic()}, Outputs={"Arn": {"Value": {"Ref": "Topic"}}})
        where = {"StackName": "producer", "OutputName": "Arn"}
        parameter = {"Type": "String", "Value": {"Fn::GetStackOutput": where}}
        consumer = {"Copy": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}
        self.assertEqual(deploy("consumer", consumer), "CREATE_COMPLETE")
        name = physical("consumer")["Copy"]
        value = account.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"]
        self.assertEqual(value, physical("producer")["Topic"])

    def test_dynamic_references_are_resolved_and_never_stored(self) -> None:
        account.call("secretsmanager", "create_secret", Name="login", SecretString='{"user":"ada"}')
        reference = "{{resolve:secretsmanager:login:SecretString:user::}}"
        deploy("dynamic", {"Topic": topic(DisplayName=reference)})
        topic_arn = physical("dynamic")["Topic"]
        found = account.call("sns", "get_topic_attributes", TopicArn=topic_arn)["Attributes"]
        self.assertEqual(found["DisplayName"], "ada")
        history = call("describe_stack_events", StackName="dynamic")["StackEvents"]
        self.assertNotIn("ada", str([event.get("ResourceProperties") for event in history]))


if __name__ == "__main__":
    unittest.main()
