"""A plan's JSON as resources one can ask: what is set, what is only known once it is made."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One resource of a plan."""

    address: str
    type: str
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    sensitive: Mapping[str, Any]
    configured: Mapping[str, Any]
    """What the configuration says, as expressions: a value that the provider would choose is not in it."""

    @property
    def module(self) -> str:
        """The address of the module it is in; empty for the root."""
        return self.address.rpartition(f"{self.type}.")[0].removesuffix("data.").removesuffix(".")

    def names(self, *path: str) -> bool:
        """Whether the configuration sets the attribute (of each of the nested blocks on the way) to a value of ours."""
        return _names(self.configured, path)

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """The nested blocks of that name; empty where there is none."""
        return [block for block in self.values.get(name) or [] if block]


def resources(plan: Mapping[str, Any], *types: str) -> list[Planned]:
    """The plan's resources of these types (all: none named), data that is read at apply included."""
    configured = dict(_configured(plan["configuration"]["root_module"], ""))
    return [
        Planned(
            address=change["address"],
            type=change["type"],
            values=change["change"].get("after") or {},
            unknown=_mapping(change["change"].get("after_unknown")),
            sensitive=_mapping(change["change"].get("after_sensitive")),
            configured=configured.get(re.sub(r"\[[^]]*\]", "", change["address"]), {}),
        )
        for change in plan["resource_changes"]
        if not types or change["type"] in types
    ]


def filled(known: Any, unknown: Any) -> Any:
    """An output's value with a stand-in for whatever is known only once it is made."""
    if unknown is True:
        return "made-at-apply:1"
    if isinstance(unknown, dict):
        base = known if isinstance(known, dict) else {}
        return {name: filled(base.get(name), unknown.get(name)) for name in {**base, **unknown}}
    if isinstance(unknown, list):
        return [filled(*each) for each in itertools.zip_longest(known if isinstance(known, list) else [], unknown)]
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of an IAM policy, of a document or of finished JSON."""

    address: str
    module: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    """Test and variable of each."""


def statements(plan: Mapping[str, Any]) -> Iterator[Statement]:
    """Every IAM statement of the plan: documents read at apply and at plan, and JSON written out."""
    yield from _of_documents(plan)
    for resource in resources(plan):
        for name in ("policy", "assume_role_policy"):
            text = resource.values.get(name)
            if isinstance(text, str) and '"Statement"' in text:
                yield from _of_json(resource.address, resource.module, json.loads(text))


def documents(plan: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Address, module and values of each policy document, whether it is read at apply or was at plan."""
    for each in resources(plan, "aws_iam_policy_document"):
        yield each.address, each.module, each.values
    yield from _read_already(plan.get("prior_state", {}).get("values", {}).get("root_module", {}))


def _of_documents(plan: Mapping[str, Any]) -> Iterator[Statement]:
    for address, module, values in documents(plan):
        for each in values.get("statement") or []:
            yield Statement(
                address=address,
                module=module,
                effect=each.get("effect") or "Allow",
                actions=tuple(each.get("actions") or ()),
                resources=tuple(resource or "" for resource in each.get("resources") or ()),
                principals=tuple(
                    who or ""
                    for principal in each.get("principals") or ()
                    for who in principal.get("identifiers") or ()
                ),
                conditions=tuple(
                    (one.get("test") or "", one.get("variable") or "") for one in each.get("condition") or ()
                ),
            )


def _read_already(module: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for resource in module.get("resources", []):
        if resource["type"] == "aws_iam_policy_document":
            yield resource["address"], module.get("address", ""), resource["values"]
    for child in module.get("child_modules", []):
        yield from _read_already(child)


def _of_json(address: str, module: str, policy: Mapping[str, Any]) -> Iterator[Statement]:
    found = policy["Statement"]
    for each in found if isinstance(found, list) else [found]:
        conditions = each.get("Condition") or {}
        yield Statement(
            address=address,
            module=module,
            effect=each["Effect"],
            actions=_several(each.get("Action")),
            resources=_several(each.get("Resource")),
            principals=_principals(each.get("Principal")),
            conditions=tuple((test, variable) for test, variables in conditions.items() for variable in variables),
        )


def _principals(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(who for kind in value.values() for who in _several(kind))
    return _several(value)


def _several(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(value) if isinstance(value, list) else (str(value),)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _configured(module: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in module.get("resources", []):
        yield prefix + resource["address"], resource.get("expressions", {})
    for name, call in module.get("module_calls", {}).items():
        yield from _configured(call["module"], f"{prefix}module.{name}.")


def _names(expressions: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    found = expressions.get(path[0])
    if len(path) == 1:
        return bool(found) and (bool(found.get("references")) or found.get("constant_value") is not None)
    return bool(found) and all(_names(block, path[1:]) for block in found)
