"""Runs OpenTofu on a copy of the configurations, offline: providers from a folder of links, no credentials."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.tools.recipes import DOCKER_PROVIDER
from tests.deploy.tools import tool

REPOSITORY = Path(__file__).parents[3]
CONFIGURATIONS = REPOSITORY / "terraform"

AWS_PROVIDER = "5.100.0"
_REGISTRY = "registry.terraform.io"
_PLATFORM = f"linux_{'arm64' if platform.machine() in {'aarch64', 'arm64'} else 'amd64'}"
# Where platform teams lay providers down for machines without a registry.
_PLUGIN_FOLDERS = (
    "/opt",
    "/usr/share/terraform",
    "/usr/local/share/terraform",
    "~/.terraform.d",
    "~/.local/share/terraform",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tofu:
    """One root of a copied tree, with its providers found."""

    root: Path
    configuration: Path
    """The command line's configuration file, which names the providers' folder."""
    secrets: Mapping[str, str]
    """Variables of the root that are secret, handed over as users do: by the environment."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What `tofu ARGUMENTS` said; its exit code is the caller's to judge."""
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.root.parent),
            "TF_CLI_CONFIG_FILE": str(self.configuration),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **{f"TF_VAR_{name}": value for name, value in self.secrets.items()},
        }
        return subprocess.run(
            [str(tool("tofu")), *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def said(self, *arguments: str) -> str:
        """The output of a run that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"tofu {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def planned(self, name: str, *options: str) -> dict[str, Any]:
        """The plan as `tofu show -json` tells it."""
        self.said("plan", "-input=false", "-lock=false", "-no-color", f"-out={name}.plan", *options)
        plan: dict[str, Any] = json.loads(self.said("show", "-json", f"{name}.plan"))
        return plan


def initialised(folder: Path, root: str, *, secrets: Mapping[str, str], overrides: Mapping[str, str]) -> Tofu:
    """The named root in a copy of terraform/ below the folder, with test files laid over it, and `tofu init` done."""
    shutil.copytree(CONFIGURATIONS, folder / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    place = folder / "terraform" / root
    for name, text in overrides.items():
        (place / name).write_text(text, encoding="utf-8")
    tofu = Tofu(root=place, configuration=_cli_configuration(folder), secrets=secrets)
    tofu.said("init", "-input=false", "-no-color", "-backend=false")
    return tofu


def _cli_configuration(folder: Path) -> Path:
    """A command line's configuration by which the built Docker provider and a found AWS provider need no registry."""
    mirror = folder / "providers"
    docker = tool("terraform-provider-docker")
    _link(mirror, "kreuzwerker/docker", DOCKER_PROVIDER, docker)
    local = ["kreuzwerker/docker"]
    if aws := _found_aws_provider():
        _link(mirror, "hashicorp/aws", AWS_PROVIDER, aws)
        local.append("hashicorp/aws")
    names = json.dumps([f"{_REGISTRY}/{name}" for name in local])
    configuration = folder / "tofu.rc"
    configuration.write_text(
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{mirror}"\n    include = {names}\n  }}\n'
        f"  direct {{\n    exclude = {names}\n  }}\n"
        "}\n",
        encoding="utf-8",
    )
    return configuration


def _link(mirror: Path, name: str, version: str, binary: Path) -> None:
    place = mirror / _REGISTRY / name / version / _PLATFORM
    place.mkdir(parents=True)
    (place / binary.name).symlink_to(binary)


def _found_aws_provider() -> Path | None:
    tail = f"{_REGISTRY}/hashicorp/aws/{AWS_PROVIDER}/{_PLATFORM}/terraform-provider-aws_v{AWS_PROVIDER}*"
    for folder in _PLUGIN_FOLDERS:
        for pattern in (tail, f"*/{tail}"):
            for found in sorted(Path(folder).expanduser().glob(pattern)):
                return found
    return None


def formatted(folder: Path) -> Sequence[str]:
    """The files below the folder that `tofu fmt` would change."""
    done = subprocess.run(
        [str(tool("tofu")), "fmt", "-check", "-recursive", "-no-color", str(folder)],
        env={"PATH": os.environ.get("PATH", "")},  # a preset configuration file may be absent
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]
