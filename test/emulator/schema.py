"""What CloudFormation itself says of each type: the provider schemas shipped with cfn-lint."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_NEWER = Path(__file__).with_name("newer_properties.json")
"""Properties that CloudFormation has, and cfn-lint's copy of its schemas not yet, as a patch."""


@functools.cache
def _schemas() -> Any:
    # Importing cfn-lint takes half a second, which `import emulator` should not cost.
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, patch

    patch(str(_NEWER), ["us-east-1"])
    return PROVIDER_SCHEMA_MANAGER


@functools.cache
def _schema(type_name: str) -> Mapping[str, Any]:
    from cfnlint.schema import ResourceNotFoundError

    try:
        return _schemas().get_resource_schema("us-east-1", type_name).schema
    except ResourceNotFoundError:
        return {}


def knows(type_name: str) -> bool:
    """Whether CloudFormation has the type."""
    return bool(_schema(type_name))


def tag_property(type_name: str) -> str:
    """The property that holds a type's tags."""
    tagging = _schema(type_name).get("tagging")
    pointer = tagging.get("tagProperty", "") if isinstance(tagging, dict) else ""
    return pointer.rsplit("/", 1)[-1] or "Tags"


def unknown_properties(type_name: str, properties: Mapping[str, Any]) -> list[str]:
    """Property names the type does not have. A custom resource may have any."""
    found = _schema(type_name)
    if "properties" not in found or "CustomResource" in found["typeName"]:
        return []
    return sorted(properties.keys() - found["properties"].keys())


def changed_properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """Names of the top-level properties whose values differ."""
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def replaced_by(type_name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """The changed top-level properties that cannot change in place."""
    return {
        path[0]
        for path in _create_only(type_name)
        if list(_at(old, path)) != list(_at(new, path))
    }


def _create_only(type_name: str) -> Iterator[list[str]]:
    for pointer in _schema(type_name).get("createOnlyProperties") or []:
        yield pointer.removeprefix("/properties/").split("/")


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """The values a schema pointer leads to; `*` stands for every item."""
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for item in value:
            yield from _at(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])
