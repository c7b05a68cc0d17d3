"""What an office document says about itself: ``docProps/core.xml``, or ``meta.xml`` of ODF."""

from xml.etree.ElementTree import Element

from rag_core.parsed import JsonValue
from rag_core.text_cleaning import clean_line
from resources.clients.parsing.packages import Package
from resources.clients.parsing.xml_trees import name_of, words_in

_NAMES = {
    "title": "title",
    "creator": "author",
    "initial-creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "keyword": "keywords",
    "description": "description",
    "category": "category",
    "language": "language",
    "created": "created",
    "creation-date": "created",
    "modified": "modified",
    "date": "modified",
}


def core_properties(package: Package) -> dict[str, JsonValue]:
    """Return the properties of an Office Open XML document."""
    return properties_below(package.xml_if_any("docProps/core.xml"))


def properties_below(root: Element | None) -> dict[str, JsonValue]:
    """Return the known properties among the elements below one, the first of each."""
    found: dict[str, JsonValue] = {}
    for element in root.iter() if root is not None else ():
        name = _NAMES.get(name_of(element))
        value = clean_line(words_in(element))[:2000] if name else ""
        if name and value:
            found.setdefault(name, value)
    return found
