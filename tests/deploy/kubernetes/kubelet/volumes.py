"""A pod's volumes as folders of this machine.

There is no mount namespace: a container finds a volume where its variables and arguments say. Whatever in them begins
with a mount path is rewritten to the folder that stands for it; ``TMPDIR`` stands for a volume at ``/tmp``.
"""

from pathlib import Path
from typing import Any

from tests.deploy.kubernetes.kubelet.environment import Objects, keys_of


def prepared_volumes(pod: dict[str, Any], folder: Path, objects: Objects) -> dict[str, Path]:
    """Make the pod's volumes below ``folder`` and return where each lies, by its name."""
    places: dict[str, Path] = {}
    for volume in pod["spec"].get("volumes", ()):
        name = volume["name"]
        places[name] = Path(volume["hostPath"]["path"]) if "hostPath" in volume else folder / name
        places[name].mkdir(parents=True, exist_ok=True)
        for source in _sources(volume):
            held = keys_of(pod, source, objects)
            items = {item["key"]: item["path"] for item in source.get("items", ())} or {key: key for key in held}
            for key, path in items.items():
                target = places[name] / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(held[key])
                target.chmod(0o400)
    return places


def mounted(container: dict[str, Any], places: dict[str, Path]) -> dict[str, str]:
    """Return mount path → folder of a container, longest path first."""
    found: dict[str, str] = {}
    for mount in container.get("volumeMounts", ()):
        place = places[mount["name"]] / mount.get("subPath", "")
        if not place.exists():
            place.mkdir(parents=True)
        found[mount["mountPath"].rstrip("/")] = str(place)
    return dict(sorted(found.items(), key=lambda each: -len(each[0])))


def rewritten(text: str, mounts: dict[str, str]) -> str:
    """Return a variable or an argument with the mount path that it begins with replaced by its folder."""
    before, equals, path = text.partition("=") if text.startswith("--") else ("", "", text)
    for mount, folder in mounts.items():
        if path == mount or path.startswith(f"{mount}/"):
            return before + equals + folder + path.removeprefix(mount)
    return text


def _sources(volume: dict[str, Any]) -> list[dict[str, Any]]:
    if "secret" in volume:
        source = volume["secret"]
        return [{"kind": "secret", **source, "name": source["secretName"]}]
    if "configMap" in volume:
        return [{"kind": "configMap", **volume["configMap"]}]
    projected = volume.get("projected", {}).get("sources", ())
    kinds = ("secret", "configMap")
    return [{"kind": kind, **source[kind]} for source in projected for kind in kinds if kind in source]
