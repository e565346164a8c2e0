"""Releases, played to their end: blue/green under ECS itself, and under CodeDeploy.

A release reads everything from the account: the service or the deployment group, the appspec, the
listener rules and target groups, the alarms' states. It calls the life-cycle functions, which run
for real, and writes the weights of the real listener rules. Each step names the page it follows.

Only time is made up. A release that waits is through at once, unless somebody holds the clock: then
it waits until the clock is moved, and whoever moves it can look at the account in between.

Not played: the tasks themselves (an image does what `images` says of it), roles' rights, the first
deployment of a service (AWS does not document which hooks it calls).
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.codedeploy.models import CodeDeployBackend, DeploymentInfo, codedeploy_backends
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse

from . import schema
from .account import ACCOUNT_ID, Account
from .rows import Resource

CONTAINER = "service"
"""The container that a service's own image runs in."""

PLACEHOLDER = "Peakline: this service has no release yet"
"""What the image of before the first release answers."""

HOOK_MINUTES = 60.0
"""How long CodeDeploy waits for the answer of a hook.
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html"""


@dataclass
class Clock:
    """The time of releases, in minutes."""

    now: float = 0.0
    held: bool = False
    _moved: threading.Condition = field(default_factory=threading.Condition)

    def reached(self, minute: float) -> bool:
        """Whether it is that late; looks for a moment when it is not."""
        with self._moved:
            if not self.held:
                self.now = max(self.now, minute)
            elif self.now < minute:
                self._moved.wait(0.1)
            return self.now >= minute

    def move(self, held: bool, minutes: float) -> None:
        """Holds the clock, or lets it go, and moves it."""
        with self._moved:
            self.held, self.now = held, self.now + minutes
            self._moved.notify_all()


@dataclass
class Image:
    """What is known of an image: who answers for it, and how it ends when it is run as a task."""

    url: str = ""
    exit_code: int = 0
    healthy: bool = True


clock = Clock()
images: dict[str, Image] = {}
journal: list[dict[str, str]] = []
"""What happened in releases, in its order."""
serving: dict[str, str] = {}
"""The revision whose tasks a target group has."""

_under_way: dict[str, _Release] = {}


def state() -> dict[str, Any]:
    """What a test may see of releases beside the account's API."""
    waiting = [release.service for release in list(_under_way.values()) if release.waiting]
    return {"minute": clock.now, "waiting": waiting, "journal": list(journal)}


def change(wanted: Mapping[str, Any]) -> None:
    """Moves the clock, and says what images do."""
    for name, about in wanted.get("images", {}).items():
        images[name] = Image(**about)
    if "held" in wanted or "minutes" in wanted:
        clock.move(bool(wanted.get("held", clock.held)), float(wanted.get("minutes", 0)))


class Back(Exception):
    """Why a release is taken back."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TakenBack(Exception):
    """The end of a release that CloudFormation hears of."""


@dataclass
class _Release:
    """What both kinds have in common: a service, two target groups, two rules, and alarms."""

    account: Account
    service: str
    revision: str
    alarms: list[str]
    rules: dict[str, str]
    """The listener rules, by what they are for: production and test."""
    live: str
    free: str
    """The target groups: where the tasks are, and where the new ones go."""
    owner: str
    """The stack or the deployment that it is a part of."""
    stopped: str = ""
    waiting: bool = False

    def note(self, event: str) -> None:
        journal.append({"service": self.service, "event": event})

    def shift(self, which: str, percent: int) -> None:
        """Gives the new tasks a share of a rule's requests, and the old ones the rest."""
        weights = {self.free: percent, self.live: 100 - percent}
        found = self.account.call("elbv2", "describe_rules", RuleArns=[self.rules[which]])
        actions = found["Rules"][0]["Actions"]
        for action in actions:
            for group in action.get("ForwardConfig", {}).get("TargetGroups", []):
                group["Weight"] = weights[group["TargetGroupArn"]]
        self.account.call("elbv2", "modify_rule", RuleArn=self.rules[which], Actions=actions)
        self.note(f"{which} {percent}")

    def look(self) -> None:
        """Goes back when somebody says so or an alarm fires."""
        if self.stopped:
            raise Back("MANUAL_STOP", self.stopped)
        if firing := self.firing():
            raise Back("ALARM_ACTIVE", f"the alarm {firing[0]} fires")

    def firing(self) -> list[str]:
        """The alarms that fire."""
        if not self.alarms:
            return []
        found = self.account.call("cloudwatch", "describe_alarms", AlarmNames=self.alarms)
        alarms = found["MetricAlarms"] + found.get("CompositeAlarms", [])
        return [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]

    def wait(self, minutes: float) -> None:
        """Watches the release for some minutes."""
        until, self.waiting = clock.now + minutes, True
        try:
            self.look()
            while not clock.reached(until):
                self.look()
            self.look()
        finally:
            self.waiting = False

    def start(self) -> None:
        """Starts the tasks of the new revision."""
        image = _image(self.account, self.revision)
        if not images.get(image, Image()).healthy:
            raise Back("TIMEOUT", f"the tasks of {image} fail to start")
        serving[self.free] = self.revision
        self.note("tasks start")

    def back(self) -> None:
        """Gives the old tasks their visitors again, and ends the new ones."""
        for which in self.rules:
            self.shift(which, 0)
        if serving.pop(self.free, None):
            self.note("new tasks end")

    def end(self) -> None:
        """Ends the old tasks."""
        serving.pop(self.live, None)
        self.note("old tasks end")

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a life-cycle function; one that fails gives none."""
        answer = self.account.call(
            "lambda", "invoke", FunctionName=function, Payload=json.dumps(event).encode()
        )
        found = None if answer.get("FunctionError") else json.load(answer["Payload"])
        return found if isinstance(found, dict) else {}


# ---- blue/green under ECS ----

_SHIFTS = ("BLUE_GREEN", "CANARY", "LINEAR")
_STARTS_A_RELEASE = {
    "LoadBalancers",
    "NetworkConfiguration",
    "ServiceConnectConfiguration",
    "TaskDefinition",
}
"""Properties whose change starts a deployment of the service.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"""

service_deployments: list[dict[str, Any]] = []


@dataclass
class _ByECS(_Release):
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html"""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)

    def play(self) -> None:
        """The stages, in the order in which ECS goes through them."""
        # An alarm that fires already would stop every release: ECS looks at none of them, for the
        # whole of it. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
        if self.firing():
            self.alarms = []
        try:
            self.stage("PRE_SCALE_UP")
            # The circuit breaker: tasks that do not start.
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
            self.stage("SCALE_UP", self.start)
            self.stage("POST_SCALE_UP")
            self.stage("TEST_TRAFFIC_SHIFT", lambda: self.shift("test", 100))
            self.stage("POST_TEST_TRAFFIC_SHIFT")
            self.stage("PRODUCTION_TRAFFIC_SHIFT", self.production)
            self.stage("POST_PRODUCTION_TRAFFIC_SHIFT")
            # Both versions run, and the alarms count, until the bake time is over.
            self.stage(
                "BAKE_TIME", lambda: self.wait(self.configuration.get("bakeTimeInMinutes", 0))
            )
        except Back as why:
            self.described["status"] = "ROLLBACK_IN_PROGRESS"
            self.described["statusReason"] = str(why)
            self.note(f"back: {why}")
            self.back()
            self.described["status"] = "ROLLBACK_SUCCESSFUL"
            raise TakenBack(f"The release of {self.service} was taken back: {why}") from why
        self.stage("CLEAN_UP", self.end)
        self.described["status"] = "SUCCESSFUL"
        self.note("done")

    def stage(self, name: str, work: Callable[[], None] = lambda: None) -> None:
        """One stage: its work, then its hooks, one of which stops the release when it fails."""
        if name != "CLEAN_UP":
            self.look()
        self.described["lifecycleStage"] = name
        self.note(name)
        work()
        for hook in self.configuration.get("lifecycleHooks", []):
            if name in hook["lifecycleStages"]:
                self.hook(name, hook)

    def hook(self, stage: str, hook: Mapping[str, Any]) -> None:
        """Calls a function until it has decided; what it gives along comes back in the next call.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
        """
        function, details = hook["hookTargetArn"], hook.get("hookDetails")
        while True:
            event = {
                "executionDetails": {
                    "serviceArn": self.described["serviceArn"],
                    "targetServiceRevisionArn": self.revision,
                },
                "executionId": str(uuid.uuid4()),
                "lifecycleStage": stage,
                "resourceArn": self.described["serviceDeploymentArn"],
            }
            if details is not None:
                event["hookDetails"] = details
            answer = self.invoke(function, event)
            if answer.get("hookStatus") != "IN_PROGRESS":
                break
            details = answer.get("hookDetails", details)
            self.wait(answer.get("callBackDelay", 30) / 60)
        status = answer.get("hookStatus", "no status")
        self.note(f"hook {status}")
        if status != "SUCCEEDED":
            raise Back("HOOK", f"the function {function.rpartition(':')[2]} says {status}")

    def production(self) -> None:
        """The visitors, as the strategy says.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html
        """
        if canary := self.configuration.get("canaryConfiguration"):
            self.shift("production", int(canary["canaryPercent"]))
            self.wait(canary["canaryBakeTimeInMinutes"])
        if linear := self.configuration.get("linearConfiguration"):
            step = int(linear["stepPercent"])
            for percent in range(step, 100, step):
                self.shift("production", percent)
                self.wait(linear["stepBakeTimeInMinutes"])
        self.shift("production", 100)


def service_ended(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """The tasks end with their service."""
    for balancer in resource.effective.get("LoadBalancers", []):
        serving.pop(balancer["TargetGroupArn"], None)
        serving.pop(balancer.get("AdvancedConfiguration", {}).get("AlternateTargetGroupArn"), None)


def of_service(resource: Resource, old: Mapping[str, Any] | None) -> None:
    """Releases what UpdateService was told, and comes back when it is released.

    CloudFormation waits for the end too, and rolls the stack back when the release was. The first
    tasks of a service are in the target group that it names.
    """
    account, arn = resource.account, resource.ref
    found = account.call(
        "ecs", "describe_services", cluster=resource.effective["Cluster"], services=[arn]
    )["services"][0]
    revision, configuration = found["taskDefinition"], found.get("deploymentConfiguration", {})
    if old is None:
        for balancer in found.get("loadBalancers", []):
            serving[balancer["targetGroupArn"]] = revision
        return
    changed = schema.changed_properties(old, resource.effective) & _STARTS_A_RELEASE
    controller = resource.effective.get("DeploymentController", {}).get("Type", "ECS")
    if not changed or controller != "ECS":
        return
    for balancer in found.get("loadBalancers", []):
        blue, shifting = balancer["targetGroupArn"], balancer.get("advancedConfiguration")
        if configuration.get("strategy") not in _SHIFTS or shifting is None:
            serving[blue] = revision
            continue
        pair = [blue, shifting["alternateTargetGroupArn"]]
        live = pair[1] if pair[1] in serving else pair[0]
        if changed == {"TaskDefinition"} and serving.get(live) == revision:
            continue  # the stack follows a release that ECS has taken back
        alarms = configuration.get("alarms", {})
        deployment = {
            "clusterArn": found["clusterArn"],
            "createdAt": utcnow(),
            "lifecycleStage": "RECONCILE_SERVICE",
            "serviceArn": arn,
            "serviceDeploymentArn": arn.replace(":service/", ":service-deployment/")
            + f"/{uuid.uuid4().hex[:21]}",
            "status": "IN_PROGRESS",
        }
        service_deployments.append(deployment)
        release = _ByECS(
            account=account,
            service=_service(account, revision),
            revision=revision,
            alarms=alarms.get("alarmNames", []) if alarms.get("enable") else [],
            rules={
                "production": shifting["productionListenerRule"],
                "test": shifting["testListenerRule"],
            },
            live=live,
            free=next(group for group in pair if group != live),
            owner=resource.stack_id,
            configuration=configuration,
            described=deployment,
        )
        _under_way[release.owner] = release
        try:
            release.play()
        finally:
            del _under_way[release.owner]


def cancel(stack_id: str) -> None:
    """Takes back the release that an update of a stack has come to.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-update-cancel.html
    """
    if release := _under_way.get(stack_id):
        release.stopped = "the update of the stack was cancelled"


def _list_service_deployments(response: Any) -> ActionResult:
    name = response._get_param("service").rpartition("/")[2]
    found = [d for d in service_deployments if d["serviceArn"].endswith(f"/{name}")]
    return ActionResult({"serviceDeployments": list(reversed(found))})


def _describe_service_deployments(response: Any) -> ActionResult:
    wanted = response._get_param("serviceDeploymentArns")
    found = [d for d in service_deployments if d["serviceDeploymentArn"] in wanted]
    return ActionResult({"serviceDeployments": found})


# ---- blue/green under CodeDeploy ----

_configurations: dict[str, dict[str, Any]] = {}
_ENDED = ("Succeeded", "Failed", "Stopped")


@dataclass
class _ByCodeDeploy(_Release):
    """https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html"""

    deployment: Any = None
    hooks: dict[str, str] = field(default_factory=dict)
    cluster: str = ""
    name: str = ""
    port: int = 0
    bake: float = 0.0
    routing: Mapping[str, Any] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    primary: str = ""

    def play(self) -> None:
        """The life-cycle events, in their order.

        https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-ecs
        """
        deployment = self.deployment
        deployment.status, deployment.start_time = "InProgress", time.time()
        replacement = ""
        try:
            # An alarm that fires stops the deployment, at its start or later.
            # https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html
            self.look()
            self.event("BeforeInstall")
            self.note("Install")
            replacement = self.task_set(self.free, self.revision)
            self.start()
            self.event("AfterInstall")
            self.note("AllowTestTraffic")
            self.shift("test", 100)
            self.event("AfterAllowTestTraffic")
            self.event("BeforeAllowTraffic")
            self.note("AllowTraffic")
            self.production()
            self.promote(replacement)
            self.event("AfterAllowTraffic")
            # The original tasks wait for their end, and the release may still go back to them.
            # https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BlueInstanceTerminationOption.html
            deployment.instance_termination_wait_time_started = True
            self.note("wait for termination")
            self.wait(self.bake)
        except Back as why:
            # https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
            self.note(f"back: {why}")
            self.back()
            if replacement:
                self.promote(self.primary)
                self.drop(replacement)
            deployment.error = {"code": why.code, "message": str(why)}
            deployment.rollback = {"rollbackMessage": "the original task set has the traffic"}
            deployment.complete_time = time.time()
            stopped = why.code in ("MANUAL_STOP", "ALARM_ACTIVE")
            deployment.status = "Stopped" if stopped else "Failed"
            return
        self.end()
        self.drop(self.primary)
        deployment.complete_time, deployment.status = time.time(), "Succeeded"
        self.note("done")

    def event(self, name: str) -> None:
        """Calls the function of an event, which says through the API how it went."""
        self.look()
        self.note(name)
        if name not in self.hooks:
            return
        execution = str(uuid.uuid4())
        self.invoke(
            self.hooks[name],
            {
                "DeploymentId": self.deployment.deployment_id,
                "LifecycleEventHookExecutionId": execution,
            },
        )
        if execution not in self.answers:
            self.wait(HOOK_MINUTES)
        status = self.answers.get(execution, "no status")
        self.note(f"hook {status}")
        if status != "Succeeded":
            raise Back("HOOK_EXECUTION_FAILURE", f"the function of {name} says {status}")

    def production(self) -> None:
        """https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html"""
        if canary := self.routing.get("timeBasedCanary"):
            self.shift("production", int(canary["canaryPercentage"]))
            self.wait(canary["canaryInterval"])
        if linear := self.routing.get("timeBasedLinear"):
            step = int(linear["linearPercentage"])
            for percent in range(step, 100, step):
                self.shift("production", percent)
                self.wait(linear["linearInterval"])
        self.shift("production", 100)

    def task_set(self, group: str, revision: str) -> str:
        made = self.account.call(
            "ecs",
            "create_task_set",
            cluster=self.cluster,
            service=self.name,
            taskDefinition=revision,
            externalId=self.deployment.deployment_id,
            loadBalancers=[
                {"targetGroupArn": group, "containerName": CONTAINER, "containerPort": self.port}
            ],
        )
        return made["taskSet"]["taskSetArn"]

    def promote(self, task_set: str) -> None:
        self.account.call(
            "ecs",
            "update_service_primary_task_set",
            cluster=self.cluster,
            service=self.name,
            primaryTaskSet=task_set,
        )

    def drop(self, task_set: str) -> None:
        self.account.call(
            "ecs",
            "delete_task_set",
            cluster=self.cluster,
            service=self.name,
            taskSet=task_set,
            force=True,
        )


def _begin(backend: CodeDeployBackend, deployment: Any) -> None:
    """Reads what a deployment is about, and plays it beside whoever asked for it."""
    account, group = Account(backend.region_name), deployment.deployment_group
    target = group.ecs_services[0]
    found = account.call(
        "ecs",
        "describe_services",
        cluster=target["clusterName"],
        services=[target["serviceName"]],
    )["services"][0]
    appspec = json.loads(deployment.revision["appSpecContent"]["content"])
    properties = appspec["Resources"][0]["TargetService"]["Properties"]
    pair = group.load_balancer_info["targetGroupPairInfoList"][0]
    groups = [
        account.call("elbv2", "describe_target_groups", Names=[g["name"]])["TargetGroups"][0]
        for g in pair["targetGroups"]
    ]
    arns = [g["TargetGroupArn"] for g in groups]
    live = arns[1] if arns[1] in serving else arns[0]
    alarms = deployment.override_alarm_configuration or group.alarm_configuration or {}
    termination = group.blue_green_deployment_configuration[
        "terminateBlueInstancesOnDeploymentSuccess"
    ]
    release = _ByCodeDeploy(
        account=account,
        service=_service(account, properties["TaskDefinition"]),
        revision=properties["TaskDefinition"],
        alarms=[a["name"] for a in alarms.get("alarms", [])] if alarms.get("enabled") else [],
        rules={
            "production": _rule(account, pair["prodTrafficRoute"], arns),
            "test": _rule(account, pair["testTrafficRoute"], arns),
        },
        live=live,
        free=next(arn for arn in arns if arn != live),
        owner=deployment.deployment_id,
        deployment=deployment,
        hooks={event: function for hook in appspec["Hooks"] for event, function in hook.items()},
        cluster=target["clusterName"],
        name=target["serviceName"],
        port=properties["LoadBalancerInfo"]["ContainerPort"],
        bake=termination.get("terminationWaitTimeInMinutes", 0),
        routing=_configurations.get(deployment.deployment_config_name, {}),
    )
    sets = found.get("taskSets", [])
    # AWS makes the first task set with the service, moto does not.
    release.primary = sets[0]["taskSetArn"] if sets else release.task_set(live, serving[live])
    release.promote(release.primary)
    _under_way[release.owner] = release

    def play() -> None:
        try:
            release.play()
        finally:
            del _under_way[release.owner]

    threading.Thread(target=play, daemon=True).start()


_create_deployment = CodeDeployBackend.create_deployment


def _create(
    backend: CodeDeployBackend,
    application_name: str,
    deployment_group_name: str,
    *rest: Any,
    **more: Any,
) -> str:
    """One deployment of a group at a time.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
    """
    for other in backend.deployments.values():
        if other.application_name == application_name and other.status not in _ENDED:
            raise JsonRESTError(
                "DeploymentLimitExceededException",
                f"The Deployment Group '{deployment_group_name}' already has an active Deployment "
                f"'{other.deployment_id}'",
            )
    made = _create_deployment(backend, application_name, deployment_group_name, *rest, **more)
    deployment = backend.deployments[made]
    deployment.create_time = time.time()  # moto tells a text, which no typed SDK reads
    _begin(backend, deployment)
    return made


_describe_deployment = DeploymentInfo.to_dict


def _describe(deployment: Any) -> dict[str, Any]:
    found = _describe_deployment(deployment)
    for name, value in (("errorInformation", "error"), ("rollbackInfo", "rollback")):
        found.pop(name, None)
        if hasattr(deployment, value):
            found[name] = getattr(deployment, value)
    return found


def _stop_deployment(response: Any) -> str:
    release = _under_way.get(response._get_param("deploymentId"))
    if release is None:
        raise JsonRESTError(
            "DeploymentAlreadyCompletedException", "The deployment is over: nothing is stopped."
        )
    release.stopped = "somebody stopped it"
    return json.dumps({"status": "Pending", "statusMessage": "Deployment is stopping"})


def _put_lifecycle_event_hook_execution_status(response: Any) -> str:
    release = _under_way.get(response._get_param("deploymentId"))
    execution = response._get_param("lifecycleEventHookExecutionId")
    if not isinstance(release, _ByCodeDeploy):
        raise JsonRESTError(
            "DeploymentDoesNotExistException", "The deployment does not exist in this account."
        )
    release.answers[execution] = response._get_param("status")
    return json.dumps({"lifecycleEventHookExecutionId": execution})


def _create_deployment_config(response: Any) -> str:
    name = response._get_param("deploymentConfigName")
    _configurations[name] = response._get_param("trafficRoutingConfig") or {}
    return json.dumps({"deploymentConfigId": str(uuid.uuid4())})


def _get_deployment_config(response: Any) -> str:
    name = response._get_param("deploymentConfigName")
    if name not in _configurations:
        raise JsonRESTError(
            "DeploymentConfigDoesNotExistException", f"No deployment configuration {name}."
        )
    about = {"deploymentConfigName": name, "computePlatform": "ECS"}
    return json.dumps(
        {"deploymentConfigInfo": {**about, "trafficRoutingConfig": _configurations[name]}}
    )


def _delete_deployment_config(response: Any) -> str:
    _configurations.pop(response._get_param("deploymentConfigName"), None)
    return "{}"


# ---- tasks ----

_started: dict[str, Any] = {}
_run = EC2ContainerServiceResponse.run_task
_place = EC2ContainerServiceBackend.run_task


def _run_task(response: Any) -> ActionResult:
    """The same token starts the same task.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    """
    token = response._get_param("clientToken")
    if not token:
        return _run(response)
    if token not in _started:
        _started[token] = _run(response)
    return _started[token]


def _run_to_the_end(
    backend: Any, cluster: str, task_definition: str, *rest: Any, **more: Any
) -> Any:
    """A task that no service keeps running ends as its image does."""
    tasks = _place(backend, cluster, task_definition, *rest, **more)
    account = Account(backend.region_name)
    for task in tasks:
        image = _image(account, task.task_definition_arn)
        task.status = task.desired_status = "STOPPED"
        task.stopped_reason = "Essential container in task exited"
        task.containers[0].exitCode = images.get(image, Image()).exit_code
        journal.append(
            {
                "service": _service(account, task.task_definition_arn),
                "event": f"task of {image} ends with {task.containers[0].exitCode}",
            }
        )
    return tasks


def install() -> None:
    """Puts this where moto would start nothing."""
    codedeploy_backends[ACCOUNT_ID]  # the account has CodeDeploy
    CodeDeployBackend.create_deployment = _create  # type: ignore[method-assign]
    DeploymentInfo.to_dict = _describe  # type: ignore[method-assign]
    for function in (
        _create_deployment_config,
        _delete_deployment_config,
        _get_deployment_config,
        _put_lifecycle_event_hook_execution_status,
        _stop_deployment,
    ):
        setattr(CodeDeployResponse, function.__name__.lstrip("_"), function)
    for function in (_describe_service_deployments, _list_service_deployments, _run_task):
        setattr(EC2ContainerServiceResponse, function.__name__.lstrip("_"), function)
    EC2ContainerServiceBackend.run_task = _run_to_the_end  # type: ignore[method-assign]


# ---- what the account says ----


def container(account: Account, revision: str) -> dict[str, Any]:
    """The service's own container of a revision."""
    found = account.call("ecs", "describe_task_definition", taskDefinition=revision)
    containers = found["taskDefinition"]["containerDefinitions"]
    return next((c for c in containers if c["name"] == CONTAINER), containers[0])


def _image(account: Account, revision: str) -> str:
    return container(account, revision)["image"]


def _service(account: Account, revision: str) -> str:
    variables = container(account, revision).get("environment", [])
    return next((v["value"] for v in variables if v["name"] == "SERVICE"), revision)


def _rule(account: Account, route: Mapping[str, Any], groups: list[str]) -> str:
    """The rule of a listener that leads to a pair of target groups."""
    rules = account.call("elbv2", "describe_rules", ListenerArn=route["listenerArns"][0])["Rules"]
    for rule in rules:
        for action in rule["Actions"]:
            forwards = action.get("ForwardConfig", {}).get("TargetGroups", [])
            if {group["TargetGroupArn"] for group in forwards} == set(groups):
                return rule["RuleArn"]
    raise JsonRESTError("InvalidTargetGroupPairException", "No rule leads to the target groups.")
