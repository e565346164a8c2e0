"""The vocabulary of the resource table: a row says how one CloudFormation type lives and dies.

A row is *created* (a real object behind the account's API), *recorded* (its properties are held
against AWS's model of the create call, it has an id and attributes, but moto has no API for it) or
*nothing to do*, with the reason. Properties travel by name: each becomes the parameter of the same
name, whatever its case, and botocore refuses what AWS would refuse.
"""

from __future__ import annotations

import base64
import datetime
import json
import random
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath
from botocore.model import ListShape, MapShape, Shape, StructureShape

from . import schema
from .account import ACCOUNT_ID, Account, RefusedProperty, operation_model, validate

Facts = dict[str, Any]
"""What placeholders may name: properties, the create response, `ref`, `account`, `region`..."""


@dataclass
class Resource:
    """One resource of a deployed stack."""

    logical_id: str
    type: str
    region: str
    stack_name: str
    stack_id: str
    properties: dict[str, Any]
    policies: dict[str, str] = field(default_factory=dict)
    ref: str = ""
    """The physical id; empty until the create call has answered."""
    name: str = ""
    """The physical name: the template's, or the one generated."""
    response: dict[str, Any] = field(default_factory=dict)
    effective: dict[str, Any] = field(default_factory=dict)
    """The properties as they reached the account: named, with dynamic references resolved."""
    depends_on: set[str] = field(default_factory=set)
    metadata: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    status_time: datetime.datetime | None = None

    @property
    def account(self) -> Account:
        """The API of the resource's region."""
        return Account(self.region)

    @property
    def facts(self) -> Facts:
        """Everything a placeholder of the row may name."""
        return {
            **self.effective,
            **self.response,
            "ref": self.ref,
            "name": self.name,
            "account": ACCOUNT_ID,
            "region": self.region,
            "partition": "aws",
            "stack": self.stack_name,
            "random": "".join(random.choices(string.hexdigits.lower()[:16], k=17)),
        }

    def expand(self, pattern: Any) -> Any:
        """Fills `{placeholders}`, each a JMESPath into the facts; a lone one keeps its type."""
        if callable(pattern):
            return pattern(self)
        if isinstance(pattern, dict):
            return {key: self.expand(value) for key, value in pattern.items()}
        if isinstance(pattern, list):
            return [self.expand(item) for item in pattern]
        if not isinstance(pattern, str):
            return pattern
        facts = self.facts
        if match := re.fullmatch(r"\{([^{}]+)\}", pattern):
            return jmespath.search(match[1], facts)
        return re.sub(r"\{([^{}]+)\}", lambda m: str(jmespath.search(m[1], facts)), pattern)


@dataclass(frozen=True)
class Call:
    """One call of an AWS API, and the properties it carries into the account.

    `operation` is a name (`modify_vpc_attribute`) or a function of the resource, its old
    properties (None when it is created). `takes` names the properties that are this call's;
    without it a named call takes whatever fits its parameters, a function everything.
    `names` renames properties, at any depth. `given` are further parameters, which may hold
    placeholders. A `whole` call restates every property, others only those that changed.
    """

    operation: str | Callable[[Resource, Mapping[str, Any] | None], Any]
    takes: tuple[str, ...] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = True
    service: str = ""
    recorded: bool = False
    """Whether the parameters are only held against AWS's model, for calls that moto lacks."""


def gone(operation: str, **given: Any) -> Call:
    """A delete call with nothing but the parameters given."""
    return Call(operation, takes=(), given=given)


@dataclass(frozen=True)
class Row:
    """How the emulated account keeps one CloudFormation type.

    `root` is the member of the create response that describes the resource; its members and the
    properties are the facts that `ref`, `attributes` and calls may name. `name` is the property
    with the physical name, generated from stack and logical id when the template leaves it out.
    `steps` are further calls after creation, repeated when a property they take changes.
    `removed` holds AWS's defaults for properties that a template may drop again.
    """

    type: str
    service: str
    create: Call | None = None
    root: str = ""
    ref: Any = "{name}"
    name: str = ""
    name_length: int = 63
    attributes: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Call, ...] = ()
    update: tuple[Call, ...] = ()
    delete: tuple[Call, ...] = ()
    recreated: str = ""
    """Why a change deletes and creates under the same name: moto lacks the call, as a rule."""
    tagging: tuple[str, str, Mapping[str, Any]] | None = None
    """Operations that add and remove tags, and the parameters that say whose."""
    removed: Mapping[str, Any] = field(default_factory=dict)
    replaced_by: tuple[str, ...] = ()
    """Properties that AWS replaces the resource for only under conditions the account meets."""
    refuses: Callable[[Resource, Mapping[str, Any]], None] | None = None
    """Raises RefusedProperty for a change that AWS refuses, given the old properties."""
    follows: Callable[[Resource, Mapping[str, Any] | None], None] | None = None
    """What AWS does after the calls, given the old properties; CloudFormation waits for its end."""
    settled: Callable[[Resource], bool] | None = None
    """Whether a resource that takes time is ready."""
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Properties without a counterpart in the create call, each with the reason."""
    recorded: bool = False
    nothing: str = ""
    """Why there is nothing to do for this type."""

    @property
    def kind(self) -> str:
        """created, recorded or nothing."""
        return "nothing" if self.nothing else "recorded" if self.recorded else "created"


def created(type_name: str, service: str, create: str | Callable[..., Any], **row: Any) -> Row:
    """A row whose resources are real objects behind the account's API."""
    names, given = row.pop("names", {}), row.pop("given", {})
    call = Call(create, names=names, given=given)
    return Row(type_name, service, create=call, **row)


def recorded(type_name: str, service: str, create: str, **row: Any) -> Row:
    """A row whose resources are only held against AWS's model of the create call."""
    return created(type_name, service, create, recorded=True, **row)


def nothing(type_name: str, why: str) -> Row:
    """A row for a type that changes nothing in an account."""
    return Row(type_name, "", nothing=why)


def create(row: Row, resource: Resource) -> None:
    """Brings a resource into being; `resource.ref` is set as soon as there is one to delete."""
    _name(row, resource)
    if row.nothing:
        resource.ref = resource.name
        return
    assert row.create is not None
    later = {name for step in row.steps for name in step.takes or ()} | row.ignored.keys()
    properties = {k: v for k, v in resource.effective.items() if k not in later}
    tags = _tags(row, properties)
    if callable(row.create.operation):
        response = row.create.operation(resource, None)
        tagged = False
    else:
        shape = operation_model(row.service, row.create.operation).input_shape
        parameters = fit(row, properties, shape, row.create)
        parameters.update(resource.expand(dict(row.create.given)))
        tagged = _put_tags(parameters, shape, tags)
        _fill_token(parameters, shape)
        if row.recorded:
            validate(parameters, shape)
            response = {}
        else:
            response = resource.account.call(row.service, row.create.operation, **parameters)
    response = response or {}
    found = response.get(row.root) if row.root else response
    resource.response = found if isinstance(found, dict) else {row.root: found}
    resource.ref = str(resource.expand(row.ref))
    for step in row.steps:
        if step.takes is None or resource.effective.keys() & set(step.takes):
            _run(row, resource, step, None)
    if tags and not tagged and not row.recorded and not _steps_take_tags(row):
        _tag(row, resource, {}, tags)
    if row.follows is not None:
        row.follows(resource, None)


def update(row: Row, resource: Resource, old: Mapping[str, Any]) -> None:
    """Carries changed properties into the account."""
    _name(row, resource)
    if row.nothing:
        return
    if row.recreated:
        delete(row, resource)
        create(row, resource)
        return
    if row.recorded:
        assert row.create is not None and isinstance(row.create.operation, str)
        shape = operation_model(row.service, row.create.operation).input_shape
        properties = {k: v for k, v in resource.effective.items() if k not in row.ignored}
        tags = _tags(row, properties)
        parameters = fit(row, properties, shape, row.create)
        parameters.update(resource.expand(dict(row.create.given)))
        _put_tags(parameters, shape, tags)
        _fill_token(parameters, shape)
        validate(parameters, shape)
        return
    changed = schema.changed_properties(old, resource.effective)
    tag_property = schema.tag_property(row.type)
    if tag_property in changed and not _steps_take_tags(row):
        _tag(row, resource, _tags(row, dict(old)), _tags(row, dict(resource.effective)))
    for name in changed - resource.effective.keys():
        if name in row.removed:
            resource.effective[name] = row.removed[name]
    for call in (*row.update, *row.steps):
        carried = changed & set(_carried(row, call, {**old, **resource.effective}))
        if carried:
            _run(row, resource, call, old)
            changed -= carried
    if row.follows is not None:
        row.follows(resource, old)


def refuse_uncarried(row: Row, resource: Resource, old: Mapping[str, Any]) -> None:
    """Refuses a change that no call of the row would carry into the account."""
    if row.nothing or row.recorded or row.recreated:
        return
    if row.refuses is not None:
        row.refuses(resource, old)
    changed = schema.changed_properties(old, resource.effective) - row.ignored.keys()
    changed -= {schema.tag_property(row.type), row.name}
    for call in (*row.update, *row.steps):
        changed -= set(_carried(row, call, {**old, **resource.effective}))
    if changed:
        raise RefusedProperty(
            f"the emulated account cannot change {', '.join(sorted(changed))} of {row.type} in "
            f"place: add the call to its row in test/emulator/resources"
        )


def delete(row: Row, resource: Resource) -> None:
    """Removes a resource; one that is already gone is as good as deleted."""
    if row.nothing or row.recorded or not resource.ref:
        return
    for call in row.delete:
        try:
            _run(row, resource, call, resource.effective)
        except Exception as error:  # noqa: BLE001 - botocore makes its error classes at run time
            if not _is_gone(error):
                raise


def attribute(row: Row, resource: Resource, name: str) -> Any:
    """The value of Fn::GetAtt."""
    if name in row.attributes:
        value = resource.expand(row.attributes[name])
    else:
        value = jmespath.search(".".join(f'"{part}"' for part in name.split(".")), resource.facts)
    if value is None:
        raise RefusedProperty(f"{row.type} in the emulated account has no attribute {name}")
    return value


def fit(row: Row, properties: Mapping[str, Any], shape: StructureShape, call: Call) -> Facts:
    """Properties as parameters of a call: names matched, scalars turned into the type AWS wants.

    Raises RefusedProperty for a property that the call has no parameter for.
    """
    where = f"{row.type} ({row.service} {shape.name})"
    return _fit_structure(properties, shape, call.names, where)


def tag_dict(tags: Any) -> dict[str, str]:
    """Tags as a dictionary, from either of CloudFormation's forms."""
    if isinstance(tags, dict):
        return {key: str(value) for key, value in tags.items()}
    return {tag["Key"]: str(tag["Value"]) for tag in tags or []}


_GONE = re.compile(r"NotFound|NoSuch|DoesNotExist|NonExistent|Not Found|ResourceNotFound")


def _is_gone(error: Exception) -> bool:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return bool(_GONE.search(code))


def _name(row: Row, resource: Resource) -> None:
    """Settles the physical name, which CloudFormation derives when the template has none."""
    given = resource.effective.get(row.name) if row.name else None
    if given:
        resource.name = str(given)
        return
    if not resource.name:
        suffix = "".join(random.choices(string.ascii_uppercase + string.digits, k=12))
        stem = f"{resource.stack_name}-{resource.logical_id}"[: row.name_length - 13]
        resource.name = f"{stem.rstrip('-')}-{suffix}"
        if row.service in ("rds", "s3", "ecr", "elasticache"):
            resource.name = resource.name.lower()
    if row.name:
        resource.effective[row.name] = resource.name


def _carried(row: Row, call: Call, properties: Mapping[str, Any]) -> list[str]:
    """The properties that a call carries: those it takes, or those its parameters fit."""
    if call.takes is not None:
        return list(call.takes)
    if callable(call.operation):
        return list(properties)
    shape = operation_model(call.service or row.service, call.operation).input_shape
    members = {member.lower() for member in shape.members}
    return [name for name in properties if call.names.get(name, name).lower() in members]


def _run(row: Row, resource: Resource, call: Call, old: Mapping[str, Any] | None) -> None:
    if callable(call.operation):
        call.operation(resource, old)
        return
    service = call.service or row.service
    shape = operation_model(service, call.operation).input_shape
    names = set(_carried(row, call, resource.effective))
    if old is not None and not call.whole:
        names &= schema.changed_properties(old, resource.effective)
    tag_property = schema.tag_property(row.type)
    properties = {
        name: value
        for name, value in resource.effective.items()
        if name in names and name != tag_property
    }
    parameters = _fit_structure(properties, shape, call.names, f"{row.type} ({call.operation})")
    parameters.update(resource.expand(dict(call.given)))
    if tag_property in names:
        _put_tags(parameters, shape, _tags(row, dict(resource.effective)))
    _fill_token(parameters, shape)
    if call.recorded:
        validate(parameters, shape)
    else:
        resource.account.call(service, call.operation, **parameters)


def _fill_token(parameters: Facts, shape: StructureShape) -> None:
    """Idempotency tokens, which CloudFormation supplies itself."""
    for member in shape.required_members:
        if member not in parameters and member.lower() in ("clienttoken", "creatorrequestid"):
            parameters[member] = "".join(random.choices(string.hexdigits.lower()[:16], k=32))


def _steps_take_tags(row: Row) -> bool:
    tag_property = schema.tag_property(row.type)
    return any(tag_property in (step.takes or ()) for step in row.steps)


def _tags(row: Row, properties: dict[str, Any]) -> dict[str, str]:
    return tag_dict(properties.pop(schema.tag_property(row.type), None))


def _put_tags(parameters: Facts, shape: StructureShape, tags: dict[str, str]) -> bool:
    """Adds tags in the form the call wants; false when it has no place for them."""
    for member, member_shape in shape.members.items():
        if not member.lower().endswith("tags") and member != "TagList":
            continue
        if tags and (isinstance(member_shape, MapShape) or _is_tag_list(member_shape)):
            parameters[member] = _shaped_tags(tags, member_shape)
            return True
    return False


def _is_tag_list(shape: Shape) -> bool:
    return isinstance(shape, ListShape) and isinstance(shape.member, StructureShape)


def _shaped_tags(tags: dict[str, str], shape: Shape) -> Any:
    if isinstance(shape, MapShape):
        return dict(tags)
    members = list(shape.member.members)
    key = next(name for name in members if name.lower().endswith("key"))
    value = next((name for name in members if name.lower().endswith("value")), None)
    return [{key: k} | ({value: v} if value else {}) for k, v in tags.items()]


_TAGGING: dict[str, tuple[str, str]] = {
    "ec2": ("create_tags", "delete_tags"),
    "rds": ("add_tags_to_resource", "remove_tags_from_resource"),
}
_USUAL_TAGGING = ("tag_resource", "untag_resource")


def _owner(row: Row, shape: StructureShape) -> Facts:
    """The required parameter that is not about tags: an ARN or an id, one or a list."""
    parameter = next(name for name in shape.required_members if "tag" not in name.lower())
    arn = parameter.lower().endswith("arn") or row.service == "rds"
    identity = row.attributes.get("Arn", "{Arn}") if arn else "{ref}"
    return {parameter: [identity] if isinstance(shape.members[parameter], ListShape) else identity}


def _tag(row: Row, resource: Resource, old: dict[str, str], new: dict[str, str]) -> None:
    """Makes a resource's tags `new`, by the tagging calls of its service."""
    add, remove, owner = row.tagging or (*_TAGGING.get(row.service, _USUAL_TAGGING), None)
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    for operation, subject in ((add, changed), (remove, old.keys() - new.keys())):
        if not subject:
            continue
        shape = operation_model(row.service, operation).input_shape
        parameters = resource.expand(owner or _owner(row, shape))
        if isinstance(subject, dict):
            _put_tags(parameters, shape, subject)
        else:
            keys = next(m for m in shape.members if m.lower() in ("tagkeys", "tagkeylist", "tags"))
            parameters[keys] = (
                [{"Key": key} for key in subject] if keys == "Tags" else sorted(subject)
            )
        resource.account.call(row.service, operation, **parameters)


def _counted(value: Any, shape: StructureShape) -> Any:
    """A list as CloudFront's API has it: its items beside how many there are."""
    if not {"Quantity", "Items"} <= shape.members.keys():
        return value
    if isinstance(value, list):
        return {"Quantity": len(value), "Items": value}
    if isinstance(value, dict) and "Items" in value:
        return {"Quantity": len(value["Items"]), **value}
    return value


def _fit(value: Any, shape: Shape, names: Mapping[str, str], where: str) -> Any:
    kind = shape.type_name
    if isinstance(shape, StructureShape):
        value = _counted(value, shape)
        if isinstance(value, dict) and not shape.is_document_type:
            return _fit_structure(value, shape, names, where)
        return value
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return value
        return [_fit(v, shape.member, names, f"{where}[{i}]") for i, v in enumerate(value)]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            return value
        return {k: _fit(v, shape.value, names, f"{where}.{k}") for k, v in value.items()}
    if kind == "string":
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (dict, list)):
            return json.dumps(value)
        return str(value)
    if isinstance(value, str):
        try:
            if kind in ("integer", "long"):
                return int(value)
            if kind in ("double", "float"):
                return float(value)
        except ValueError:
            return value
        if kind == "boolean" and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if kind == "blob":
            return base64.b64decode(value)
    return value


def _fit_structure(
    value: Mapping[str, Any], shape: StructureShape, names: Mapping[str, str], where: str
) -> Facts:
    members = {member.lower(): member for member in shape.members}
    fitted: Facts = {}
    for key, item in value.items():
        member = members.get(names.get(key, key).lower())
        if member is None:
            raise RefusedProperty(
                f"{where}: AWS has no parameter for the property {key}; "
                f"it has {', '.join(sorted(shape.members))}"
            )
        fitted[member] = _fit(item, shape.members[member], names, f"{where}.{key}")
    return fitted
