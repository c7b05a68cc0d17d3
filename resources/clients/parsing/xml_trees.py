"""XML of office documents as plain trees: no document types, no entities of its own, names without namespaces.

Names are compared by their local part, because the strict and the transitional flavour of one format differ in their
namespaces only.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from resources.clients.parsing.rejections import unreadable


class _NoDocumentTypes(TreeBuilder):
    """Builds a tree and refuses a document type, where entity bombs are declared; office formats have none."""

    def doctype(self, name: str, pubid: str, system: str) -> None:  # noqa: ARG002 - the name by which expat calls
        raise unreadable("One of its XML parts declares a document type, which no office program writes.")


def parsed_xml(data: bytes) -> Element:
    """Return the root element; raises ``DocumentRejected`` (unreadable) for a document type or broken XML."""
    # Python's expat is 2.4.1 or later: entities are bounded there, too, and nothing external is ever loaded.
    parser = XMLParser(target=_NoDocumentTypes())  # noqa: S314 - see above
    try:
        parser.feed(data)
        return parser.close()
    except ParseError as error:
        raise unreadable(f"One of its XML parts is broken ({error}).") from error


def name_of(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def attribute(element: Element, name: str) -> str | None:
    """Return an attribute by its name without a namespace."""
    value = element.get(name)
    if value is not None:
        return value
    return next((found for key, found in element.items() if key.rpartition("}")[2] == name), None)


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the direct children of that name."""
    return (child for child in element if name_of(child) == name)


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first child along a path of names, or None."""
    for name in path:
        element = next(children(element, name), None) if element is not None else None
    return element


def descendants(element: Element, name: str) -> Iterator[Element]:
    """Yield every element of that name below and including this one, in document order."""
    return (found for found in element.iter() if name_of(found) == name)


def value_at(element: Element | None, *path: str) -> str | None:
    """Return the attribute ``val`` of the element along a path."""
    found = child(element, *path)
    return attribute(found, "val") if found is not None else None


def words_in(element: Element | None) -> str:
    """Return all characters below an element."""
    return "".join(element.itertext()) if element is not None else ""
