import pytest

from rag_core.anchors import named, unit_of
from resources.clients.parsing import PARSER_VERSIONS
from resources.clients.parsing.versions import CSV, EPUB, JSON_LINES, ODP, ODS, PPTX, SOURCE_CODE, XLSX


def test_places_are_named_by_what_their_numbers_count() -> None:
    assert named("page", 3, 3) == "page 3"
    assert named("line", 10, 14) == "lines 10–14"
    assert named("slide", 3, 3, ["Winter"]) == "slide 3"
    assert named("sheet", 2, 2, ["Ports", "North"]) == "sheet Ports"
    assert named("sheet", 2, 3, ["Ports"]) == "sheets 2–3"


@pytest.mark.parametrize(
    ("unit", "media_types"),
    [
        ("slide", {PPTX, ODP}),
        ("sheet", {XLSX, ODS}),
        ("chapter", {EPUB}),
        ("line", {CSV, JSON_LINES, SOURCE_CODE}),
    ],
)
def test_every_format_with_numbered_parts_has_its_unit(unit: str, media_types: set[str]) -> None:
    assert {media_type for media_type in PARSER_VERSIONS if unit_of(media_type) == unit} == media_types
