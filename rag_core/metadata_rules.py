"""The rules by which a source's documents get metadata, as a collection file declares them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Declared(BaseModel):
    """A part of a collection file: nothing in it that is not known, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _usable_template(template: str) -> str:
    names = re.findall(r"\{([^{}]*)\}", template)
    rest = re.sub(r"\{[^{}]*\}", "", template)
    if not names or "{" in rest or "}" in rest or not all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names):
        message = "a path template names segments in lower case, like '{team}/{year}/**'"
        raise ValueError(message)
    if len(set(names)) < len(names):
        message = "a name occurs twice in the path template"
        raise ValueError(message)
    return template


class PathMetadata(Declared):
    """Metadata from the key itself: ``{team}/{year}/**`` binds ``team`` and ``year`` to whole path segments."""

    kind: Literal["path"] = Field(alias="from")
    template: Annotated[str, AfterValidator(_usable_template)]


class SidecarMetadata(Declared):
    """Metadata from a JSON or YAML file beside the object, named like it plus ``suffix``."""

    kind: Literal["sidecar"] = Field(alias="from")
    suffix: str = Field(default=".meta.yaml", min_length=2, max_length=40, pattern=r"^[^/]+$")


class FrontMatterMetadata(Declared):
    """Metadata from what the parser found in the document: YAML front matter, PDF or HTML metadata.

    ``fields`` names what to take; nothing else of the document becomes metadata.
    """

    kind: Literal["front_matter"] = Field(alias="from")
    fields: tuple[str, ...] = Field(min_length=1)


class ObjectMetadata(Declared):
    """Metadata from the store's own user metadata (``x-amz-meta-*``); ``fields`` names what to take."""

    kind: Literal["object"] = Field(alias="from")
    fields: tuple[str, ...] = Field(min_length=1)


class TagsMetadata(Declared):
    """Metadata from an S3 object's tags; ``fields`` names the tags to take, as they are written.

    Listings do not bring tags, and a change of tags changes nothing else of an object: each sweep costs a request for
    each object, and the right to read tags (``s3:GetObjectTagging``). Needs the extra ``aws``.
    """

    kind: Literal["tags"] = Field(alias="from")
    fields: tuple[str, ...] = Field(min_length=1, max_length=50)


MetadataRule = Annotated[
    PathMetadata | SidecarMetadata | FrontMatterMetadata | ObjectMetadata | TagsMetadata, Field(discriminator="kind")
]
