"""What a container finds in its environment: values, Secrets, ConfigMaps, the pod's own fields, and ``$(NAME)``."""

import base64
import os
import re
from collections.abc import Mapping
from typing import Any, Protocol

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class MissingReferenceError(Exception):
    """A container refers to something that is not there: Kubernetes' CreateContainerConfigError."""


class Objects(Protocol):
    """Where Secrets and ConfigMaps are read."""

    def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a Secret's keys, still in base64."""
        ...

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a ConfigMap's keys."""
        ...


def container_environment(pod: dict[str, Any], container: dict[str, Any], objects: Objects) -> dict[str, str]:
    """Return the variables that the pod's spec gives to a container, later ones over earlier ones."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        prefix = source.get("prefix", "")
        found |= {prefix + name: value for name, value in _all_keys(pod, source, objects).items()}
    for entry in container.get("env", ()):
        value = _value_of(pod, container, entry, objects)
        if value is not None:
            found[entry["name"]] = expanded(value, found)
    return found


def expanded(text: str, known: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` by a known variable; ``$$`` is one dollar, an unknown name stays as it is written."""

    def put(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else known.get(match[1], match[0])

    return _REFERENCE.sub(put, text)


def keys_of(pod: dict[str, Any], source: dict[str, Any], objects: Objects) -> dict[str, str]:
    """Return the keys of the Secret or ConfigMap that a volume or variable names; none if it is optional and away."""
    namespace = pod["metadata"]["namespace"]
    if source.get("kind") == "secret":
        held = objects.secret(namespace, source["name"])
        held = None if held is None else {name: base64.b64decode(each).decode() for name, each in held.items()}
    else:
        held = objects.config_map(namespace, source["name"])
    if held is None and not source.get("optional"):
        message = f"{source['kind']} {source['name']!r} not found"
        raise MissingReferenceError(message)
    return held or {}


def _all_keys(pod: dict[str, Any], source: dict[str, Any], objects: Objects) -> dict[str, str]:
    for kind, reference in (("secret", "secretRef"), ("configMap", "configMapRef")):
        if reference in source:
            return keys_of(pod, {"kind": kind, **source[reference]}, objects)
    return {}


def _value_of(pod: dict[str, Any], container: dict[str, Any], entry: dict[str, Any], objects: Objects) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return entry.get("value", "")
    for kind, reference in (("secret", "secretKeyRef"), ("configMap", "configMapKeyRef")):
        if reference in source:
            wanted = source[reference]
            held = keys_of(pod, {"kind": kind, **wanted}, objects)
            if wanted["key"] not in held and not wanted.get("optional"):
                message = f"{kind} {wanted['name']!r} has no key {wanted['key']!r}"
                raise MissingReferenceError(message)
            return held.get(wanted["key"])
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    return _resource(container, source["resourceFieldRef"]["resource"])


def _field(pod: dict[str, Any], path: str) -> str:
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
    if keyed:
        return pod["metadata"].get(keyed[1], {}).get(keyed[2], "")
    if path in {"status.podIP", "status.hostIP"}:
        return "127.0.0.1"
    value: Any = pod
    for step in path.split("."):
        value = value.get(step, "")
    return str(value)


def _resource(container: dict[str, Any], path: str) -> str:
    """Return whole cores or bytes, rounded up; without a limit, the node's own cores."""
    kind, name = path.split(".", 1)
    text = container.get("resources", {}).get(kind, {}).get(name)
    if text is None:
        return str(os.cpu_count()) if kind == "limits" and name == "cpu" else "0"
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()  # pyright: ignore[reportOptionalMemberAccess] - the API server took it
    units = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    return str(int(-(-float(number) * units[unit] // 1)))
