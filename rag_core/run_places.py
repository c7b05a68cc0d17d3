"""Where a collection's runs take place: what its YAML asks of a Kubernetes cluster, and the tags that say so there.

Every run carries the tags of its job, whoever asked for it: a sensor, an upload, a person, a backfill. Where runs take
place on one machine nobody reads them.
"""

import json
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from rag_core.metadata_rules import Declared

CONFIG_TAG = "dagster-k8s/config"
"""What ``dagster-k8s`` reads a run's own Kubernetes configuration from."""

LAUNCH_GRACE_S = 120.0
GPU = "nvidia.com/gpu"

LAUNCHER_REQUESTS = {"cpu": "1", "memory": "2Gi"}
LAUNCHER_LIMITS = {"memory": "4Gi"}
"""What a run's pod has where its collection says nothing; an installation may have set other amounts."""

_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGT", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGT", start=1)},
}
_QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


def amount(quantity: str) -> Decimal:
    """Return what a Kubernetes quantity (``500m``, ``2``, ``4Gi``) amounts to; raises ``ValueError``."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        message = f"{quantity[:40]!r} is no quantity: write cores as 2 or 500m, memory as 4Gi or 512Mi"
        raise ValueError(message)
    return Decimal(found[1]) * _UNITS[found[2]]


def _usable_quantity(quantity: str) -> str:
    if amount(quantity) <= 0:
        message = "must be more than 0"
        raise ValueError(message)
    return quantity


def _usable_label_key(key: str) -> str:
    if not _LABEL_KEY.fullmatch(key):
        message = f"{key[:80]!r} is no label's or taint's key: such as pool or example.com/pool"
        raise ValueError(message)
    return key


def _usable_label_value(value: str) -> str:
    if not _LABEL_VALUE.fullmatch(value):
        message = f"{value[:80]!r} is no label's or taint's value: up to 63 letters, digits, '-', '_' and '.'"
        raise ValueError(message)
    return value


Quantity = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_usable_quantity)]
LabelKey = Annotated[str, AfterValidator(_usable_label_key)]
LabelValue = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_usable_label_value)]
ObjectName = Annotated[str, Field(pattern=_OBJECT_NAME, description="The name of a Kubernetes object.")]


class Amounts(Declared):
    """So much of a node; what is left out is the launcher's default."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = Field(default=None, description="Disk for downloads and unfinished parts.")

    def as_resources(self) -> dict[str, str]:
        """Return the amounts as Kubernetes names them."""
        named = {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": self.ephemeral_storage}
        return {name: quantity for name, quantity in named.items() if quantity is not None}


class Toleration(Declared):
    """A taint that a run's pod may be placed in spite of."""

    key: LabelKey | None = Field(default=None, description="Left out: every taint.")
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Left out: every effect."
    )
    toleration_seconds: int | None = Field(default=None, ge=0, le=86_400)

    @model_validator(mode="after")
    def _parts_fit(self) -> "Toleration":
        if self.key is None and self.operator != "Exists":
            message = "without a key the operator must be Exists"
            raise ValueError(message)
        if self.operator == "Exists" and self.value is not None:
            message = "Exists looks at no value: leave value out, or use Equal"
            raise ValueError(message)
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            message = "toleration_seconds needs effect: NoExecute"
            raise ValueError(message)
        return self

    def as_toleration(self) -> dict[str, Any]:
        """Return the toleration as Kubernetes writes it."""
        named = {
            "key": self.key,
            "operator": self.operator,
            "value": self.value,
            "effect": self.effect,
            "tolerationSeconds": self.toleration_seconds,
        }
        return {name: value for name, value in named.items() if value is not None}


class Kubernetes(Declared):
    """What the pod of each run asks of the cluster; what is left out is the launcher's default."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()
    gpu: int = Field(default=0, ge=0, le=16, description="GPUs of a run; their nodes' taint is tolerated.")
    gpu_resource: LabelKey = Field(default=GPU, description="The name under which the cluster counts its GPUs.")
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict[str, str], max_length=50)
    tolerations: tuple[Toleration, ...] = Field(default=(), max_length=50)
    secrets: tuple[ObjectName, ...] = Field(
        default=(), max_length=50, description="Secrets whose keys are variables of the runs, such as PDF passwords."
    )
    service_account: ObjectName | None = Field(default=None, description="Whose rights (in AWS: IAM role) runs have.")

    @model_validator(mode="after")
    def _requests_are_within_limits(self) -> "Kubernetes":
        requests, limits = self.requests.as_resources(), self.limits.as_resources()
        for name in {**requests, **limits}:
            asked = requests.get(name) or LAUNCHER_REQUESTS.get(name)
            most = limits.get(name) or LAUNCHER_LIMITS.get(name)
            if asked is None or most is None or amount(asked) <= amount(most):
                continue
            if name in requests and name in limits:
                message = f"requests.{name} {asked} is above limits.{name} {most}: no such pod can be made"
            elif name in requests:
                message = f"requests.{name} {asked} is above the launcher's own limit {most}: write limits.{name}, too"
            else:
                message = (
                    f"limits.{name} {most} is below the launcher's own request {asked}: write requests.{name}, too"
                )
            raise ValueError(message)
        return self

    def without_gpu(self) -> "Kubernetes":
        """Return the same for work that embeds nothing: any node will do, and none is started for its GPU."""
        return self.model_copy(update={"gpu": 0, "node_selector": {}, "tolerations": ()}) if self.gpu else self

    def as_config(self) -> dict[str, Any]:
        """Return what ``dagster-k8s`` adds to the job of a run; empty where nothing is asked."""
        gpus = {self.gpu_resource: str(self.gpu)} if self.gpu else {}
        resources = {"requests": self.requests.as_resources(), "limits": {**self.limits.as_resources(), **gpus}}
        tolerated = [each.as_toleration() for each in self.tolerations]
        if self.gpu:
            tolerated.append({"key": self.gpu_resource, "operator": "Exists", "effect": "NoSchedule"})
        container = {
            "resources": {kind: amounts for kind, amounts in resources.items() if amounts},
            "env_from": [{"secret_ref": {"name": name}} for name in self.secrets],
        }
        pod = {
            "node_selector": dict(self.node_selector),
            "tolerations": tolerated,
            "service_account_name": self.service_account,
        }
        config = {
            "container_config": {name: value for name, value in container.items() if value},
            "pod_spec_config": {name: value for name, value in pod.items() if value},
        }
        return {name: value for name, value in config.items() if value}


class Runs(Declared):
    """How a collection's runs are launched."""

    launch_grace_s: float = Field(
        default=LAUNCH_GRACE_S,
        ge=10,
        le=3600,
        description="How long a run may take from being asked for to its start; then the block is asked for again.",
    )
    kubernetes: Kubernetes = Kubernetes()


def run_tags(runs: Runs) -> dict[str, str]:
    """Return the tags by which every run that ingests finds its place."""
    return _tags(runs.kubernetes)


def housekeeping_tags(runs: Runs) -> dict[str, str]:
    """Return the tags of a collection's housekeeping, which needs no GPU."""
    return _tags(runs.kubernetes.without_gpu())


def _tags(kubernetes: Kubernetes) -> dict[str, str]:
    config = kubernetes.as_config()
    return {CONFIG_TAG: json.dumps(config, sort_keys=True)} if config else {}
