"""CloudFormation templates: parsing, what depends on what, and the intrinsic functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml


class TemplateError(Exception):
    """A template that CloudFormation would refuse."""


class _NoValue:
    """`AWS::NoValue`: the property or the list item disappears."""


NO_VALUE = _NoValue()


class _Loader(yaml.SafeLoader):
    """YAML in which dates stay strings: a policy's Version is not a day."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def parse(body: str) -> dict[str, Any]:
    """Reads a JSON or YAML template."""
    try:
        template = (
            json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, _Loader)
        )
    except (ValueError, yaml.YAMLError) as error:
        raise TemplateError(f"Template format error: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return template


def references(value: Any) -> set[str]:
    """The logical ids that Ref, Fn::GetAtt and Fn::Sub in a value name."""
    found: set[str] = set()
    if isinstance(value, list):
        return found.union(*map(references, value))
    if not isinstance(value, dict):
        return found
    for key, argument in value.items():
        if key == "Ref":
            found.add(argument)
        elif key == "Fn::GetAtt":
            found.add(argument.split(".")[0] if isinstance(argument, str) else argument[0])
        elif key == "Fn::Sub":
            text, names = (argument, {}) if isinstance(argument, str) else argument
            found |= {name.split(".")[0] for name in _SUB.findall(text) if name not in names}
            found |= references(names)
        else:
            found |= references(argument)
    return found


def dependencies(resource: Mapping[str, Any]) -> set[str]:
    """The names a resource waits for: DependsOn and every reference in its properties."""
    explicit = resource.get("DependsOn", [])
    return references(resource.get("Properties", {})) | (
        {explicit} if isinstance(explicit, str) else set(explicit)
    )


def creation_order(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Logical ids, each after everything it depends on, otherwise in the template's order."""
    order: list[str] = []
    visiting: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in visiting:
            circle = " -> ".join([*visiting[visiting.index(name) :], name])
            raise TemplateError(f"Circular dependency between resources: {circle}")
        visiting.append(name)
        for needed in sorted(dependencies(resources[name]) & resources.keys()):
            visit(needed)
        visiting.pop()
        order.append(name)

    for logical_id in resources:
        visit(logical_id)
    return order


_SUB = re.compile(r"\$\{([^!}][^}]*)\}")


class Resolver:
    """Evaluates the intrinsic functions of one template.

    `ref` and `attribute` answer for resources and raise KeyError for what the template does not
    have; `exported` answers Fn::ImportValue, `output` Fn::GetStackOutput (region, stack, name);
    `zones` lists a region's zones.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, Any],
        ref: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
        exported: Callable[[str], Any],
        output: Callable[[str, str, str], Any],
        zones: Callable[[str], list[str]],
    ) -> None:
        self._template = template
        self._parameters = parameters
        self._resource_ref = ref
        self._attribute = attribute
        self._exported = exported
        self._output = output
        self._zones = zones

    def condition(self, name: str | None) -> bool:
        """Whether a named condition holds; no name always holds."""
        if name is None:
            return True
        if name not in self._template.get("Conditions", {}):
            raise TemplateError(f"Template error: unresolved condition {name}")
        return bool(self.resolve(self._template["Conditions"][name]))

    def included(self) -> dict[str, dict[str, Any]]:
        """The template's resources whose condition holds."""
        return {
            logical_id: resource
            for logical_id, resource in self._template["Resources"].items()
            if self.condition(resource.get("Condition"))
        }

    def resolve(self, value: Any) -> Any:
        """A value with every intrinsic function evaluated."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._ref(argument)
            if key == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if key.startswith("Fn::"):
                function = getattr(self, "_fn_" + key[4:].lower(), None)
                if function is None:
                    raise TemplateError(f"The emulated account does not know {key}")
                return function(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        try:
            return self._resource_ref(name)
        except KeyError:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{name}]"
            ) from None

    def _fn_getatt(self, argument: Any) -> Any:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(logical_id, self.resolve(attribute))

    def _fn_sub(self, argument: Any) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else argument
        values = self.resolve(names)

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name in values:
                return str(values[name])
            value = self._fn_getatt(name) if "." in name else self._ref(name)
            return str(value)

        return _SUB.sub(replace, text).replace("${!", "${")

    def _fn_join(self, argument: Any) -> str:
        separator, items = argument
        return separator.join(str(item) for item in self.resolve(items))

    def _fn_select(self, argument: Any) -> Any:
        index, items = self.resolve(argument)
        try:
            return items[int(index)]
        except IndexError:
            raise TemplateError(f"Fn::Select cannot select index {index} of {items}") from None

    def _fn_split(self, argument: Any) -> list[str]:
        separator, text = self.resolve(argument)
        return text.split(separator)

    def _fn_getazs(self, argument: Any) -> list[str]:
        return self._zones(self.resolve(argument) or self._parameters["AWS::Region"])

    def _fn_if(self, argument: Any) -> Any:
        name, yes, no = argument
        return self.resolve(yes if self.condition(name) else no)

    def _fn_equals(self, argument: Any) -> bool:
        left, right = self.resolve(argument)
        return str(left) == str(right)

    def _fn_and(self, argument: Any) -> bool:
        return all(self.resolve(item) for item in argument)

    def _fn_or(self, argument: Any) -> bool:
        return any(self.resolve(item) for item in argument)

    def _fn_not(self, argument: Any) -> bool:
        return not self.resolve(argument[0])

    def _fn_findinmap(self, argument: Any) -> Any:
        name, first, second = self.resolve(argument[:3])
        try:
            return self._template["Mappings"][name][first][second]
        except KeyError:
            raise TemplateError(f"Fn::FindInMap has no {name}.{first}.{second}") from None

    def _fn_importvalue(self, argument: Any) -> Any:
        return self._exported(self.resolve(argument))

    def _fn_getstackoutput(self, argument: Any) -> Any:
        where = self.resolve(argument)
        region = where.get("Region", self._parameters["AWS::Region"])
        return self._output(region, where["StackName"], where["OutputName"])

    def _fn_base64(self, argument: Any) -> str:
        return base64.b64encode(str(self.resolve(argument)).encode()).decode()

    def _fn_cidr(self, argument: Any) -> list[str]:
        block, count, host_bits = self.resolve(argument)
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(host_bits))
        return [str(subnet) for subnet in itertools.islice(subnets, int(count))]


def strings(value: Any, replace: Callable[[str], Any]) -> Any:
    """A value with `replace` applied to every string in it."""
    if isinstance(value, dict):
        return {key: strings(item, replace) for key, item in value.items()}
    if isinstance(value, list):
        return [strings(item, replace) for item in value]
    return replace(value) if isinstance(value, str) else value
