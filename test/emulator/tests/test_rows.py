"""Rows from creation over a change to deletion, for the types whose calls are not one to one."""

from __future__ import annotations

import copy
import json
import unittest
from typing import Any

from .deployed import account, call, delete, deploy, physical, reasons

TRUST = {"Version": "2012-10-17", "Statement": []}
ALLOW = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    ],
}
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}],
}
LIST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::a"}],
}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
TAGS = [{"Key": "stage", "Value": "one"}]

VISIBLE = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False, "MetricName": "a"}
ORIGIN = {
    "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"},
    "OriginCustomHeaders": [{"HeaderName": "a", "HeaderValue": "b"}],
}
DISTRIBUTION = {
    "Comment": "a",
    "Enabled": True,
    "IPV6Enabled": True,
    "Origins": [
        {"Id": "one", "DomainName": "one.example.com", **ORIGIN},
        {"Id": "two", "DomainName": "two.example.com", **ORIGIN},
    ],
    "OriginGroups": {
        "Quantity": 1,
        "Items": [
            {
                "Id": "both",
                "FailoverCriteria": {"StatusCodes": {"Quantity": 1, "Items": [503]}},
                "Members": {"Quantity": 2, "Items": [{"OriginId": "one"}, {"OriginId": "two"}]},
            }
        ],
    },
    "DefaultCacheBehavior": {
        "TargetOriginId": "both",
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": ["GET", "HEAD"],
        "CachedMethods": ["GET", "HEAD"],
    },
}

LIVES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cache": (
        {
            "User": {
                "Type": "AWS::ElastiCache::User",
                "Properties": {
                    "UserId": "shop",
                    "UserName": "shop",
                    "Engine": "valkey",
                    "AccessString": "on ~a* +@read",
                    "Passwords": ["correct horse battery"],
                    "Tags": TAGS,
                },
            },
            "Users": {
                "Type": "AWS::ElastiCache::UserGroup",
                "Properties": {
                    "UserGroupId": "shops",
                    "Engine": "valkey",
                    "UserIds": [{"Ref": "User"}],
                },
            },
            "Parameters": {
                "Type": "AWS::ElastiCache::ParameterGroup",
                "Properties": {
                    "CacheParameterGroupFamily": "valkey8",
                    "Description": "a",
                    "Properties": {"maxmemory-policy": "noeviction"},
                },
            },
            "Group": {
                "Type": "AWS::ElastiCache::ReplicationGroup",
                "Properties": {
                    "ReplicationGroupDescription": "a",
                    "Engine": "valkey",
                    "CacheNodeType": "cache.t4g.micro",
                    "NumCacheClusters": 2,
                    "CacheParameterGroupName": {"Ref": "Parameters"},
                    "UserGroupIds": [{"Ref": "Users"}],
                    "TransitEncryptionEnabled": True,
                    "Tags": TAGS,
                },
            },
        },
        {
            "User": {"AccessString": "on ~b* +@read", "Tags": []},
            "Users": {"Tags": TAGS},
            "Parameters": {"Properties": {"maxmemory-policy": "volatile-ttl"}},
            "Group": {"NumCacheClusters": 3, "CacheNodeType": "cache.m7g.large", "Tags": []},
        },
    ),
    "edge": (
        {
            "Access": {
                "Type": "AWS::CloudFront::OriginAccessControl",
                "Properties": {
                    "OriginAccessControlConfig": {
                        "Name": "shop",
                        "OriginAccessControlOriginType": "s3",
                        "SigningBehavior": "always",
                        "SigningProtocol": "sigv4",
                    }
                },
            },
            "Store": {"Type": "AWS::CloudFront::KeyValueStore", "Properties": {"Name": "shop"}},
            "Function": {
                "Type": "AWS::CloudFront::Function",
                "Properties": {
                    "Name": "shop",
                    "AutoPublish": True,
                    "FunctionCode": "function handler(event) { return event.request; }",
                    "FunctionConfig": {
                        "Comment": "a",
                        "Runtime": "cloudfront-js-2.0",
                        "KeyValueStoreAssociations": [
                            {"KeyValueStoreARN": {"Fn::GetAtt": ["Store", "Arn"]}}
                        ],
                    },
                },
            },
            "Distribution": {
                "Type": "AWS::CloudFront::Distribution",
                "Properties": {
                    "DistributionConfig": DISTRIBUTION,
                    "Tags": TAGS,
                },
            },
            "Addresses": {
                "Type": "AWS::WAFv2::IPSet",
                "Properties": {
                    "Scope": "CLOUDFRONT",
                    "IPAddressVersion": "IPV4",
                    "Addresses": ["192.0.2.0/24"],
                    "Tags": TAGS,
                },
            },
            "Firewall": {
                "Type": "AWS::WAFv2::WebACL",
                "Properties": {
                    "Scope": "CLOUDFRONT",
                    "DefaultAction": {"Allow": {}},
                    "VisibilityConfig": VISIBLE,
                    "Rules": [
                        {
                            "Name": "a",
                            "Priority": 0,
                            "Action": {"Block": {}},
                            "VisibilityConfig": VISIBLE,
                            "Statement": {
                                "ByteMatchStatement": {
                                    "FieldToMatch": {"SingleHeader": {"Name": "a"}},
                                    "PositionalConstraint": "EXACTLY",
                                    "SearchString": "a secret",
                                    "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
                                }
                            },
                        }
                    ],
                    "Tags": TAGS,
                },
            },
        },
        {
            "Distribution": {"DistributionConfig": DISTRIBUTION | {"Comment": "b"}, "Tags": []},
            "Addresses": {"Addresses": ["198.51.100.0/24"], "Tags": []},
            "Firewall": {"DefaultAction": {"Block": {}}, "Tags": []},
        },
    ),
    "people": (
        {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": TRUST}},
            "Pool": {
                "Type": "AWS::Cognito::UserPool",
                "Properties": {
                    "UsernameAttributes": ["email"],
                    "UsernameConfiguration": {"CaseSensitive": False},
                    "Schema": [{"Name": "email", "Required": True, "Mutable": True}],
                    "Policies": {"PasswordPolicy": {"MinimumLength": 12}},
                    "MfaConfiguration": "OPTIONAL",
                    "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
                    "UserPoolTier": "PLUS",
                    "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"},
                    "KeyConfiguration": {
                        "KeyType": "CUSTOMER_MANAGED_KEY",
                        "KmsKeyArn": {"Fn::GetAtt": ["Key", "Arn"]},
                    },
                    "UserPoolTags": {"stage": "one"},
                },
            },
            "Scopes": {
                "Type": "AWS::Cognito::UserPoolResourceServer",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "Identifier": "shop",
                    "Name": "shop",
                    "Scopes": [{"ScopeName": "orders", "ScopeDescription": "a"}],
                },
            },
            "Google": {
                "Type": "AWS::Cognito::UserPoolIdentityProvider",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "ProviderName": "Google",
                    "ProviderType": "Google",
                    "ProviderDetails": {"client_id": "a", "client_secret": "b"},
                },
            },
            "Client": {
                "Type": "AWS::Cognito::UserPoolClient",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "GenerateSecret": False,
                    "AllowedOAuthScopes": ["openid", {"Fn::Sub": "${Scopes}/orders"}],
                    "SupportedIdentityProviders": ["COGNITO", {"Ref": "Google"}],
                    "RefreshTokenRotation": {"Feature": "ENABLED"},
                    "AccessTokenValidity": 15,
                },
            },
            "Pages": {
                "Type": "AWS::Cognito::ManagedLoginBranding",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "ClientId": {"Ref": "Client"},
                    "UseCognitoProvidedValues": True,
                },
            },
            "Domain": {
                "Type": "AWS::Cognito::UserPoolDomain",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "Domain": "auth.example.com",
                    "ManagedLoginVersion": 2,
                    "CustomDomainConfig": {
                        "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"
                    },
                },
            },
            "Staff": {
                "Type": "AWS::Cognito::UserPoolGroup",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "GroupName": "staff",
                    "Precedence": 10,
                },
            },
            "Risks": {
                "Type": "AWS::Cognito::UserPoolRiskConfigurationAttachment",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "ClientId": "ALL",
                    "CompromisedCredentialsRiskConfiguration": {
                        "Actions": {"EventAction": "BLOCK"}
                    },
                },
            },
            "Record": {
                "Type": "AWS::Cognito::LogDeliveryConfiguration",
                "Properties": {
                    "UserPoolId": {"Ref": "Pool"},
                    "LogConfigurations": [
                        {
                            "EventSource": "userAuthEvents",
                            "LogLevel": "INFO",
                            "S3Configuration": {"BucketArn": "arn:aws:s3:::a"},
                        }
                    ],
                },
            },
        },
        {
            "Pool": {
                "Policies": {"PasswordPolicy": {"MinimumLength": 14}},
                "MfaConfiguration": "ON",
                "UserPoolTags": {"stage": "two"},
            },
            "Scopes": {"Scopes": [{"ScopeName": "orders", "ScopeDescription": "b"}]},
            "Google": {"ProviderDetails": {"client_id": "a", "client_secret": "c"}},
            "Client": {"AccessTokenValidity": 5},
            "Domain": {
                "CustomDomainConfig": {
                    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/b"
                }
            },
            "Staff": {"Precedence": 20},
        },
    ),
    "queue": (
        {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"VisibilityTimeout": 30, "Tags": TAGS},
            },
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": ALLOW},
            },
        },
        {"Queue": {"VisibilityTimeout": 60, "Tags": []}},
    ),
    "topic": (
        {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}},
            "Policy": {
                "Type": "AWS::SNS::TopicPolicy",
                "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": ALLOW},
            },
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"},
                    "Protocol": "email",
                    "Endpoint": "operator@example.com",
                },
            },
        },
        {"Topic": {"DisplayName": "b"}},
    ),
    "rule": (
        {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "bus"}},
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventBusName": {"Ref": "Bus"},
                    "EventPattern": {"source": ["shop"]},
                    "Targets": [{"Id": "one", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
                },
            },
            "Minutely": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "ScheduleExpression": "rate(1 minute)",
                    "State": "ENABLED",
                    "Targets": [{"Id": "one", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
                },
            },
        },
        {"Minutely": {"ScheduleExpression": "rate(5 minutes)"}},
    ),
    "schedule": (
        {
            "Role": ROLE,
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Group": {"Type": "AWS::Scheduler::ScheduleGroup"},
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "GroupName": {"Ref": "Group"},
                    "ScheduleExpression": "rate(1 minute)",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
                        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    },
                },
            },
        },
        {"Schedule": {"ScheduleExpression": "rate(5 minutes)"}},
    ),
    "policies": (
        {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": TRUST,
                    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                    "Policies": [{"PolicyName": "inline", "PolicyDocument": READ}],
                    "Tags": TAGS,
                },
            },
            "Inline": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": "more",
                    "PolicyDocument": READ,
                    "Roles": [{"Ref": "Role"}],
                },
            },
            "Managed": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": READ, "Roles": [{"Ref": "Role"}]},
            },
        },
        {
            "Role": {"ManagedPolicyArns": [], "Policies": [], "Description": "changed"},
            "Managed": {"PolicyDocument": LIST},
            "Inline": {"PolicyDocument": LIST},
        },
    ),
    "key": (
        {
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {"KeyPolicy": ALLOW, "EnableKeyRotation": True, "Tags": TAGS},
            },
            "Alias": {
                "Type": "AWS::KMS::Alias",
                "Properties": {"AliasName": "alias/rows", "TargetKeyId": {"Ref": "Key"}},
            },
        },
        {"Key": {"EnableKeyRotation": False, "Description": "changed", "KeyPolicy": TRUST}},
    ),
    "backups": (
        {
            "Role": ROLE,
            "Vault": {
                "Type": "AWS::Backup::BackupVault",
                "Properties": {
                    "BackupVaultName": "vault",
                    "AccessPolicy": ALLOW,
                    "LockConfiguration": {"MinRetentionDays": 7, "MaxRetentionDays": 30},
                },
            },
            "Plan": {
                "Type": "AWS::Backup::BackupPlan",
                "Properties": {
                    "BackupPlan": {
                        "BackupPlanName": "plan",
                        "BackupPlanRule": [
                            {
                                "RuleName": "daily",
                                "TargetBackupVault": {"Ref": "Vault"},
                                "ScheduleExpression": "cron(0 5 * * ? *)",
                                "Lifecycle": {"DeleteAfterDays": 14},
                            }
                        ],
                    }
                },
            },
            "Selection": {
                "Type": "AWS::Backup::BackupSelection",
                "Properties": {
                    "BackupPlanId": {"Ref": "Plan"},
                    "BackupSelection": {
                        "SelectionName": "all",
                        "IamRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                        "Resources": ["*"],
                    },
                },
            },
        },
        {"Vault": {"LockConfiguration": {"MinRetentionDays": 3, "MaxRetentionDays": 30}}},
    ),
    "alarms": (
        {
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "ComparisonOperator": "GreaterThanThreshold",
                    "EvaluationPeriods": 3,
                    "MetricName": "CPUUtilization",
                    "Namespace": "AWS/RDS",
                    "Period": 60,
                    "Statistic": "Average",
                    "Threshold": 80,
                    "Tags": TAGS,
                },
            },
            "Composite": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {"AlarmRule": {"Fn::Sub": "ALARM(${Alarm})"}},
            },
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {"DashboardBody": json.dumps({"widgets": []})},
            },
        },
        {"Alarm": {"Threshold": 90}, "Composite": {"AlarmRule": "FALSE"}},
    ),
    "releases": (
        {
            "Application": {
                "Type": "AWS::CodeDeploy::Application",
                "Properties": {"ApplicationName": "order", "ComputePlatform": "ECS", "Tags": TAGS},
            },
            "Shift": {
                "Type": "AWS::CodeDeploy::DeploymentConfig",
                "Properties": {
                    "ComputePlatform": "ECS",
                    "TrafficRoutingConfig": {
                        "Type": "TimeBasedCanary",
                        "TimeBasedCanary": {"CanaryPercentage": 10, "CanaryInterval": 5},
                    },
                },
            },
            "Group": {
                "Type": "AWS::CodeDeploy::DeploymentGroup",
                "Properties": {
                    "ApplicationName": {"Ref": "Application"},
                    "DeploymentGroupName": "service",
                    "DeploymentConfigName": {"Ref": "Shift"},
                    "ServiceRoleArn": "arn:aws:iam::123456789012:role/release",
                    "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": "errors"}]},
                    "ECSServices": [{"ClusterName": "shop", "ServiceName": "order"}],
                },
            },
        },
        {"Group": {"AlarmConfiguration": {"Enabled": False}}},
    ),
    "flags": (
        {
            "Application": {
                "Type": "AWS::AppConfig::Application",
                "Properties": {"Name": "shop", "Tags": TAGS},
            },
            "Stage": {
                "Type": "AWS::AppConfig::Environment",
                "Properties": {
                    "ApplicationId": {"Ref": "Application"},
                    "Name": "prod",
                    "Monitors": [{"AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"}],
                    "DeletionProtectionCheck": "BYPASS",
                },
            },
            "Profile": {
                "Type": "AWS::AppConfig::ConfigurationProfile",
                "Properties": {
                    "ApplicationId": {"Ref": "Application"},
                    "Name": "flags",
                    "LocationUri": "hosted",
                    "Type": "AWS.AppConfig.FeatureFlags",
                    "DeletionProtectionCheck": "BYPASS",
                },
            },
            "Strategy": {
                "Type": "AWS::AppConfig::DeploymentStrategy",
                "Properties": {
                    "Name": "gradual",
                    "GrowthType": "LINEAR",
                    "GrowthFactor": 20,
                    "DeploymentDurationInMinutes": 10,
                    "FinalBakeTimeInMinutes": 10,
                    "ReplicateTo": "NONE",
                },
            },
        },
        {
            "Application": {"Description": "flags"},
            "Profile": {"Description": "flags"},
            "Strategy": {"DeploymentDurationInMinutes": 20},
        },
    ),
    "traces": (
        {
            "Rule": {
                "Type": "AWS::XRay::SamplingRule",
                "Properties": {
                    "SamplingRule": {
                        "RuleName": "prod-default",
                        "Priority": 1000,
                        "FixedRate": 0.05,
                        "ReservoirSize": 1,
                        "ServiceName": "prod-*",
                        "ServiceType": "*",
                        "Host": "*",
                        "HTTPMethod": "*",
                        "URLPath": "*",
                        "ResourceARN": "*",
                        "Version": 1,
                        "SamplingRateBoost": {"MaxRate": 0.5, "CooldownWindowMinutes": 10},
                    }
                },
            },
            "Errors": {
                "Type": "AWS::XRay::Group",
                "Properties": {"GroupName": "errors", "FilterExpression": "fault = true"},
            },
            "Search": {
                "Type": "AWS::XRay::TransactionSearchConfig",
                "Properties": {"IndexingPercentage": 1},
            },
        },
        {
            "Errors": {"FilterExpression": "error = true"},
            "Search": {"IndexingPercentage": 5},
        },
    ),
    "logs": (
        {
            "Group": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"RetentionInDays": 7, "Tags": TAGS},
            },
            "Filter": {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {
                    "LogGroupName": {"Ref": "Group"},
                    "FilterPattern": "ERROR",
                    "MetricTransformations": [
                        {
                            "MetricName": "Errors",
                            "MetricNamespace": "Rows",
                            "MetricValue": "1",
                            "Dimensions": [{"Key": "Event", "Value": "$.event"}],
                        }
                    ],
                },
            },
            "Query": {
                "Type": "AWS::Logs::QueryDefinition",
                "Properties": {
                    "Name": "rows/errors",
                    "QueryString": "fields @message",
                    "LogGroupNames": [{"Ref": "Group"}],
                },
            },
        },
        {"Group": {"RetentionInDays": 14, "Tags": []}, "Filter": {"FilterPattern": "FATAL"}},
    ),
    "watching": (
        {
            "Role": ROLE,
            "Canary": {
                "Type": "AWS::Synthetics::Canary",
                "Properties": {
                    "Name": "rows-shop",
                    "RuntimeVersion": "syn-nodejs-4.1",
                    "Code": {"Handler": "index.handler", "Script": "exports.handler = () => {}"},
                    "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "ArtifactS3Location": "s3://rows",
                    "Schedule": {"Expression": "rate(5 minutes)"},
                    "RunConfig": {"TimeoutInSeconds": 60, "EnvironmentVariables": {"WALK": "{}"}},
                    "StartCanaryAfterCreation": True,
                    "SuccessRetentionPeriod": 30,
                    "Tags": TAGS,
                },
            },
            "Budget": {
                "Type": "AWS::Budgets::Budget",
                "Properties": {
                    "Budget": {
                        "BudgetType": "COST",
                        "TimeUnit": "MONTHLY",
                        "BudgetLimit": {"Amount": 100, "Unit": "USD"},
                        "CostFilters": {"TagKeyValue": ["user:peakline:environment$rows"]},
                    },
                    "NotificationsWithSubscribers": [
                        {
                            "Notification": {
                                "NotificationType": "ACTUAL",
                                "ComparisonOperator": "GREATER_THAN",
                                "Threshold": 80,
                            },
                            "Subscribers": [
                                {"SubscriptionType": "EMAIL", "Address": "rows@example.com"}
                            ],
                        }
                    ],
                },
            },
            "Monitor": {
                "Type": "AWS::CE::AnomalyMonitor",
                "Properties": {
                    "MonitorName": "rows",
                    "MonitorType": "DIMENSIONAL",
                    "MonitorDimension": "SERVICE",
                },
            },
            "Subscription": {
                "Type": "AWS::CE::AnomalySubscription",
                "Properties": {
                    "SubscriptionName": "rows",
                    "Frequency": "IMMEDIATE",
                    "MonitorArnList": [{"Ref": "Monitor"}],
                    "Subscribers": [{"Type": "EMAIL", "Address": "rows@example.com"}],
                    "ThresholdExpression": "{}",
                },
            },
        },
        {
            "Canary": {"Schedule": {"Expression": "rate(1 minute)"}},
            "Budget": {
                "Budget": {
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": 200, "Unit": "USD"},
                }
            },
        },
    ),
    "secret": (
        {
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {"PasswordLength": 20}, "Tags": TAGS},
            },
            "Policy": {
                "Type": "AWS::SecretsManager::ResourcePolicy",
                "Properties": {"SecretId": {"Ref": "Secret"}, "ResourcePolicy": ALLOW},
            },
            "Rotation": {
                "Type": "AWS::SecretsManager::RotationSchedule",
                "Properties": {
                    "SecretId": {"Ref": "Secret"},
                    "RotationRules": {"ScheduleExpression": "rate(30 days)"},
                },
            },
        },
        {"Secret": {"Description": "changed", "Tags": []}},
    ),
    "bucket": (
        {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "VersioningConfiguration": {"Status": "Enabled"},
                    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
                    "LifecycleConfiguration": {
                        "Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 30}]
                    },
                    "Tags": TAGS,
                },
            },
            "Policy": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": ALLOW},
            },
            "Read": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"LoggingConfiguration": {"DestinationBucketName": {"Ref": "Bucket"}}},
            },
            "Repository": {
                "Type": "AWS::ECR::Repository",
                "Properties": {"ImageTagMutability": "MUTABLE", "Tags": TAGS},
            },
        },
        {
            "Bucket": {"LifecycleConfiguration": None, "Tags": []},
            "Repository": {"ImageTagMutability": "IMMUTABLE"},
        },
    ),
    "network": (
        {
            "Vpc": {
                "Type": "AWS::EC2::VPC",
                "Properties": {"CidrBlock": "10.6.0.0/16", "EnableDnsSupport": True},
            },
            "Subnet": {
                "Type": "AWS::EC2::Subnet",
                "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.6.1.0/24"},
            },
            "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
            "Acl": {"Type": "AWS::EC2::NetworkAcl", "Properties": {"VpcId": {"Ref": "Vpc"}}},
            "AclEntry": {
                "Type": "AWS::EC2::NetworkAclEntry",
                "Properties": {
                    "NetworkAclId": {"Ref": "Acl"},
                    "RuleNumber": 100,
                    "Protocol": -1,
                    "RuleAction": "allow",
                    "CidrBlock": "0.0.0.0/0",
                },
            },
            "AclAssociation": {
                "Type": "AWS::EC2::SubnetNetworkAclAssociation",
                "Properties": {"NetworkAclId": {"Ref": "Acl"}, "SubnetId": {"Ref": "Subnet"}},
            },
            "Clients": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {
                    "GroupDescription": "clients",
                    "VpcId": {"Ref": "Vpc"},
                    "SecurityGroupEgress": [
                        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
                    ],
                },
            },
            "Servers": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "servers", "VpcId": {"Ref": "Vpc"}},
            },
            "Admit": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {
                    "GroupId": {"Fn::GetAtt": ["Servers", "GroupId"]},
                    "SourceSecurityGroupId": {"Fn::GetAtt": ["Clients", "GroupId"]},
                    "IpProtocol": "tcp",
                    "FromPort": 5432,
                    "ToPort": 5432,
                    "Description": "from clients",
                },
            },
            "Gateway": {
                "Type": "AWS::EC2::VPCEndpoint",
                "Properties": {
                    "VpcId": {"Ref": "Vpc"},
                    "ServiceName": "com.amazonaws.us-east-1.s3",
                    "VpcEndpointType": "Gateway",
                    "RouteTableIds": [{"Ref": "Table"}],
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": "*",
                                "Action": "s3:GetObject",
                                "Resource": "*",
                            }
                        ]
                    },
                },
            },
            "Interface": {
                "Type": "AWS::EC2::VPCEndpoint",
                "Properties": {
                    "VpcId": {"Ref": "Vpc"},
                    "ServiceName": "com.amazonaws.us-east-1.logs",
                    "VpcEndpointType": "Interface",
                    "SubnetIds": [{"Ref": "Subnet"}],
                    "SecurityGroupIds": [{"Fn::GetAtt": ["Servers", "GroupId"]}],
                },
            },
        },
        {
            "Vpc": {"EnableDnsSupport": False},
            "Clients": {"SecurityGroupEgress": []},
            "Gateway": {"PolicyDocument": {"Statement": []}},
            "Admit": {"FromPort": 5433, "ToPort": 5433},
            "AclEntry": {"RuleAction": "deny"},
        },
    ),
    "scaling": (
        {
            "Role": ROLE,
            "Target": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "MinCapacity": 1,
                    "MaxCapacity": 15,
                    "ResourceId": "cluster:peakline",
                    "RoleARN": {"Fn::GetAtt": ["Role", "Arn"]},
                    "ScalableDimension": "rds:cluster:ReadReplicaCount",
                    "ServiceNamespace": "rds",
                    "ScheduledActions": [
                        {
                            "ScheduledActionName": "sale",
                            "Schedule": "at(2126-11-27T00:00:00)",
                            "ScalableTargetAction": {"MinCapacity": 5},
                        }
                    ],
                },
            },
            "Policy": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": {
                    "PolicyName": "tracking",
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": {"Ref": "Target"},
                    "TargetTrackingScalingPolicyConfiguration": {
                        "PredefinedMetricSpecification": {
                            "PredefinedMetricType": "RDSReaderAverageCPUUtilization"
                        },
                        "TargetValue": 60,
                    },
                },
            },
        },
        {"Target": {"MaxCapacity": 10, "ScheduledActions": []}},
    ),
    "zone": (
        {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.7.0.0/16"}},
            "Zone": {
                "Type": "AWS::Route53::HostedZone",
                "Properties": {
                    "Name": "api.example.com.",
                    "VPCs": [{"VPCId": {"Ref": "Vpc"}, "VPCRegion": "us-east-1"}],
                    "HostedZoneTags": TAGS,
                },
            },
            "Record": {
                "Type": "AWS::Route53::RecordSet",
                "Properties": {
                    "HostedZoneId": {"Ref": "Zone"},
                    "Name": "api.example.com.",
                    "Type": "A",
                    "TTL": "60",
                    "ResourceRecords": ["10.7.0.4"],
                },
            },
        },
        {"Zone": {"HostedZoneTags": []}, "Record": {"ResourceRecords": ["10.7.0.5"]}},
    ),
}

BALANCED = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.8.0.0/16"}},
    **{
        f"Subnet{zone}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"10.8.{number}.0/24",
                "AvailabilityZone": f"us-east-1{zone}",
            },
        }
        for number, zone in enumerate("ab")
    },
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {
            "Type": "application",
            "Subnets": [{"Ref": "Subneta"}, {"Ref": "Subnetb"}],
        },
    },
    **{
        colour: {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "TargetType": "ip",
                "Protocol": "HTTP",
                "Port": 8080,
            },
        }
        for colour in ("Blue", "Green")
    },
    "Listener": {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": "Balancer"},
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [
                {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
            ],
        },
    },
    "Inside": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "DependsOn": "Listener",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "TargetType": "alb",
            "Protocol": "TCP",
            "Port": 80,
            "Targets": [{"Id": {"Ref": "Balancer"}, "Port": 80}],
        },
    },
    "Rule": {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": {"Ref": "Listener"},
            "Priority": 100,
            "Conditions": [
                {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/cart"]}}
            ],
            "Actions": [
                {
                    "Type": "forward",
                    "ForwardConfig": {
                        "TargetGroups": [
                            {"TargetGroupArn": {"Ref": "Blue"}, "Weight": 100},
                            {"TargetGroupArn": {"Ref": "Green"}, "Weight": 0},
                        ]
                    },
                }
            ],
        },
    },
}


class Rows(unittest.TestCase):
    def test_rows_live_change_and_die(self) -> None:
        for name, (resources, changes) in LIVES.items():
            with self.subTest(name):
                self.assertEqual(deploy(name, resources), "CREATE_COMPLETE", reasons(name))
                changed = copy.deepcopy(resources)
                for logical_id, properties in changes.items():
                    held = changed[logical_id]["Properties"] | properties
                    changed[logical_id]["Properties"] = {
                        key: value for key, value in held.items() if value is not None
                    }
                self.assertEqual(deploy(name, changed), "UPDATE_COMPLETE", reasons(name))
                self.assertEqual(deploy(name, changed)[:13], "The submitted")
                stack_id = call("describe_stacks", StackName=name)["Stacks"][0]["StackId"]
                self.assertEqual(delete(name), "DELETE_COMPLETE", reasons(stack_id))

    def test_a_changed_path_takes_the_weights_of_the_template_along(self) -> None:
        self.assertEqual(deploy("balanced", BALANCED), "CREATE_COMPLETE", reasons("balanced"))
        ids = physical("balanced")
        health = account.call("elbv2", "describe_target_health", TargetGroupArn=ids["Inside"])
        targets = [t["Target"]["Id"] for t in health["TargetHealthDescriptions"]]
        self.assertEqual(targets, [ids["Balancer"]])

        def weights() -> list[int]:
            rules = account.call("elbv2", "describe_rules", RuleArns=[ids["Rule"]])["Rules"]
            return [g["Weight"] for g in rules[0]["Actions"][0]["ForwardConfig"]["TargetGroups"]]

        rule = account.call("elbv2", "describe_rules", RuleArns=[ids["Rule"]])["Rules"][0]
        groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        groups[0]["Weight"], groups[1]["Weight"] = 0, 100
        account.call("elbv2", "modify_rule", RuleArn=ids["Rule"], Actions=rule["Actions"])
        other = copy.deepcopy(BALANCED)
        other["Blue"]["Properties"]["HealthCheckPath"] = "/health"
        self.assertEqual(deploy("balanced", other), "UPDATE_COMPLETE", reasons("balanced"))
        self.assertEqual(weights(), [0, 100], "a change of something else touched the rule")
        other["Rule"]["Properties"]["Conditions"][0]["PathPatternConfig"]["Values"] = ["/api/basket"]
        self.assertEqual(deploy("balanced", other), "UPDATE_COMPLETE", reasons("balanced"))
        self.assertEqual(weights(), [100, 0], "CloudFormation writes the actions too")
        self.assertEqual(delete("balanced"), "DELETE_COMPLETE")

    def test_a_rotation_schedule_is_read_back_in_days(self) -> None:
        resources = LIVES["secret"][0]
        for rules, days in (
            ({"ScheduleExpression": "rate(30 days)"}, 30),
            ({"ScheduleExpression": "rate(1 day)"}, 1),
            ({"AutomaticallyAfterDays": 7}, 7),
        ):
            with self.subTest(rules):
                changed = copy.deepcopy(resources)
                changed["Rotation"]["Properties"]["RotationRules"] = rules
                self.assertIn("COMPLETE", deploy("rotated", changed), reasons("rotated"))
                secret = physical("rotated")["Secret"]
                found = account.call("secretsmanager", "describe_secret", SecretId=secret)
                self.assertEqual(found["RotationRules"], {"AutomaticallyAfterDays": days})
        self.assertEqual(delete("rotated"), "DELETE_COMPLETE")

    def test_what_an_edge_matches_and_aims_at_is_read_back(self) -> None:
        self.assertEqual(deploy("edge-seen", LIVES["edge"][0]), "CREATE_COMPLETE", reasons("edge-seen"))
        ids = physical("edge-seen")
        found = account.call("cloudfront", "get_distribution", Id=ids["Distribution"])
        config = found["Distribution"]["DistributionConfig"]
        self.assertEqual(config["DefaultCacheBehavior"]["TargetOriginId"], "both")
        first = config["Origins"]["Items"][0]
        self.assertEqual(first["CustomHeaders"]["Items"][0]["HeaderValue"], "b")
        name, acl, scope = ids["Firewall"].split("|")
        found = account.call("wafv2", "get_web_acl", Name=name, Id=acl, Scope=scope)
        match = found["WebACL"]["Rules"][0]["Statement"]["ByteMatchStatement"]
        self.assertEqual(match["SearchString"], b"a secret")
        self.assertEqual(delete("edge-seen"), "DELETE_COMPLETE")

    def test_nothing_is_left_of_them(self) -> None:
        alarms = account.call("cloudwatch", "describe_alarms")["MetricAlarms"]
        self.assertEqual([a for a in alarms if a["AlarmName"].startswith("alarms-")], [])


if __name__ == "__main__":
    unittest.main()
