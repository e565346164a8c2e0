"""CodeBuild projects and CodePipeline pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.codepipeline.models import CodePipeline

from ..account import operation_model
from ..rows import Call, Resource, created, fit, gone

def _metadata(pipeline: CodePipeline) -> dict[str, Any]:
    """Times as numbers, as AWS has them in JSON: moto's texts are refused by the SDK for Go."""
    return {
        "pipelineArn": pipeline._arn,
        "created": pipeline._created.timestamp(),
        "updated": pipeline._updated.timestamp(),
    }


CodePipeline.metadata = property(_metadata)  # type: ignore[assignment]

_RESTART = {"RestartExecutionOnUpdate": "CloudFormation itself starts the execution"}


def _put_pipeline(operation: str) -> Any:
    """A call with the pipeline as one structure, named as in the API."""

    def put(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
        properties = {
            name: value
            for name, value in resource.effective.items()
            if name != "Tags" and name not in _RESTART
        }
        shape = operation_model("codepipeline", operation).input_shape.members["pipeline"]
        pipeline = fit(PIPELINE, properties, shape, Call(operation))
        return resource.account.call("codepipeline", operation, pipeline=pipeline)

    return put


PIPELINE = created(
    "AWS::CodePipeline::Pipeline",
    "codepipeline",
    _put_pipeline("create_pipeline"),
    name="Name",
    attributes={"Version": "{version}"},
    root="pipeline",
    tagging=(
        "tag_resource",
        "untag_resource",
        {"resourceArn": "arn:{partition}:codepipeline:{region}:{account}:{ref}"},
    ),
    update=(Call(_put_pipeline("update_pipeline")),),
    delete=(gone("delete_pipeline", name="{ref}"),),
    ignored=_RESTART,
)

def _location(end: str) -> Any:
    """Source or artifacts with a location: moto wants one even where a pipeline brings and takes them."""

    def given(resource: Resource) -> dict[str, Any]:
        shape = operation_model("codebuild", "create_project").input_shape.members[end]
        written = resource.effective[end.capitalize()]
        return fit(PROJECT, written, shape, Call("create_project")) | {"location": "CODEPIPELINE"}

    return given


PROJECT = created(
    "AWS::CodeBuild::Project",
    "codebuild",
    "create_project",
    given={"source": _location("source"), "artifacts": _location("artifacts")},
    name="Name",
    root="project",
    attributes={"Arn": "{arn}"},
    delete=(gone("delete_project", name="{ref}"),),
    recreated="moto has no update_project",
)

ROWS = (PIPELINE, PROJECT)
