"""Which tools there are, in which versions, and how each is built; the one place where a version is written."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MODULES = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program: `module` names the folder beside this file whose go.mod and go.sum lock what it is built from."""

    name: str
    version: str
    package: str
    module: str
    binary: str
    stamps: Mapping[str, str] = field(default_factory=dict)
    """String variables that the linker sets, as the project's own releases do, so that the tool knows its version."""

    @property
    def module_folder(self) -> Path:
        """Where go.mod and go.sum lie."""
        return MODULES / self.module

    @property
    def linker_flags(self) -> str:
        """No symbol tables (a third of the size), and the version stamped in."""
        return " ".join(["-s", "-w", *(f"-X={variable}={value}" for variable, value in self.stamps.items())])


HELM, ETCD, KUBERNETES, TOFU, DOCKER_PROVIDER, JAEGER = "3.22.0", "3.7.3", "1.36.3", "1.12.6", "4.6.0", "1.76.0"

_KUBERNETES_VERSION = "k8s.io/component-base/version"
_KUBERNETES_STAMPS = {
    f"{_KUBERNETES_VERSION}.gitVersion": f"v{KUBERNETES}",
    f"{_KUBERNETES_VERSION}.gitMajor": KUBERNETES.split(".")[0],
    f"{_KUBERNETES_VERSION}.gitMinor": KUBERNETES.split(".")[1],
}

TOOLS = (
    Tool(
        name="helm",
        version=HELM,
        package="helm.sh/helm/v3/cmd/helm",
        module="helm",
        binary="helm",
        stamps={"helm.sh/helm/v3/internal/version.version": f"v{HELM}"},
    ),
    Tool(name="etcd", version=ETCD, package="go.etcd.io/etcd/server/v3", module="etcd", binary="etcd"),
    Tool(
        name="kube-apiserver",
        version=KUBERNETES,
        package="k8s.io/kubernetes/cmd/kube-apiserver",
        module="kubernetes",
        binary="kube-apiserver",
        stamps=_KUBERNETES_STAMPS,
    ),
    Tool(
        name="kube-controller-manager",
        version=KUBERNETES,
        package="k8s.io/kubernetes/cmd/kube-controller-manager",
        module="kubernetes",
        binary="kube-controller-manager",
        stamps=_KUBERNETES_STAMPS,
    ),
    Tool(
        name="tofu",
        version=TOFU,
        package="github.com/opentofu/opentofu/cmd/tofu",
        module="tofu",
        binary="tofu",
        stamps={"github.com/opentofu/opentofu/version.dev": "no"},
    ),
    Tool(
        name="terraform-provider-docker",
        version=DOCKER_PROVIDER,
        package="github.com/terraform-providers/terraform-provider-docker",
        module="terraform-provider-docker",
        binary=f"terraform-provider-docker_v{DOCKER_PROVIDER}",
    ),
    Tool(
        name="jaeger",
        version=JAEGER,
        package="github.com/jaegertracing/jaeger/cmd/all-in-one",
        module="jaeger",
        binary="jaeger",
        stamps={"github.com/jaegertracing/jaeger/internal/version.latestVersion": f"v{JAEGER}"},
    ),
)

BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in TOOLS}


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where built tools lie: RAG_TOOLS, else a folder in the user's cache."""
    if named := environment.get("RAG_TOOLS"):
        return Path(named).expanduser().absolute()
    caches = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser().absolute() / "rag-assets" / "tools"


def placed_at(tool: Tool, cache: Path) -> Path:
    """Where this version of the tool lies once it is built; another version has another folder."""
    return cache / f"{tool.name}-{tool.version}" / tool.binary
