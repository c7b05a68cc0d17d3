"""Parsing of documents that nobody vouches for: bytes in, ``ParsedDocument`` out, in a process that can be killed.

``ParserSandbox`` is the door. The parsers themselves (``document.py`` and the rooms behind it) run only in its workers.
"""

from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.sandbox import ParseJob, ParseResult, ParserSandbox
from resources.clients.parsing.versions import ALL_PARSERS, PARSER_VERSIONS

__all__ = ["ALL_PARSERS", "PARSER_VERSIONS", "ParseJob", "ParseLimits", "ParseResult", "ParserSandbox"]
