"""The rejections that several parsers raise, each with what the document's owner can do."""

from rag_core.errors import DocumentRejected, QuarantineKind


def no_text(what: str, *, may_be_scan: bool = False) -> DocumentRejected:
    """Say that a document holds no text, for example a scan."""
    return DocumentRejected(
        QuarantineKind.NO_TEXT,
        f"{what} holds no text.",
        remedy="If it is a scan, run OCR on it (for example `ocrmypdf`) and store the result in its place."
        if may_be_scan
        else "Store a version that holds text, or take it out of the source.",
    )


def blank(data: bytes) -> DocumentRejected:
    """Say that a file is empty, or holds nothing but blanks and NUL bytes."""
    if not data:
        message, remedy = "The file is empty (0 bytes).", "If it should not be, copy it again from its original."
    elif not data.strip(b"\0"):
        message = f"The file holds nothing but NUL bytes ({len(data):,} of them)."
        remedy = "It was never written to its end, or was damaged: store it again from its original."
    else:
        with_nul = " and NUL bytes" if b"\0" in data else ""
        message = f"The file holds nothing but blanks and line ends{with_nul} ({len(data):,} bytes)."
        remedy = "Store a version that holds text, or take it out of the source."
    return DocumentRejected(QuarantineKind.NO_TEXT, message, remedy=remedy)


def unreadable(
    what: str, *, remedy: str = "Open it in its own program, export it again and store that."
) -> DocumentRejected:
    """Say that a document cannot be understood."""
    return DocumentRejected(QuarantineKind.UNREADABLE, what, remedy=remedy)


def bad_metadata(what: str) -> DocumentRejected:
    """Say that front matter cannot be read: guessing could widen who may see the document."""
    return DocumentRejected(
        QuarantineKind.BAD_METADATA,
        what,
        remedy="Write the lines between the first two `---` as YAML of the form `name: value`, or take them out.",
    )


def locked(what: str) -> DocumentRejected:
    """Say that a document is encrypted in a way that no password here opens."""
    return DocumentRejected(
        QuarantineKind.PASSWORD_REQUIRED,
        f"It is encrypted ({what}); known passwords are tried on PDF files only.",
        remedy="Store it without a password, or as a PDF whose password the collection's pdf_passwords name.",
    )


def text_too_large(max_text_bytes: int) -> DocumentRejected:
    """Say that the text outgrew its limit."""
    return DocumentRejected(
        QuarantineKind.TOO_LARGE,
        f"Its text is larger than max_text_bytes ({max_text_bytes:,}).",
        remedy="Split the document, or raise limits.max_text_bytes of the collection.",
    )


def too_many_pages(pages: int, max_pages: int) -> DocumentRejected:
    """Say that the document has more pages than allowed."""
    return DocumentRejected(
        QuarantineKind.TOO_LARGE,
        f"It has {pages:,} pages, more than max_pages ({max_pages:,}).",
        remedy="Split the document, or raise limits.max_pages of the collection.",
    )


def document_too_large(size_bytes: int, max_document_bytes: int) -> DocumentRejected:
    """Say that the source itself is over its limit."""
    return DocumentRejected(
        QuarantineKind.TOO_LARGE,
        f"It has {size_bytes:,} bytes, more than max_document_bytes ({max_document_bytes:,}).",
        remedy="Split the document, or raise limits.max_document_bytes of the collection.",
    )


def too_much_memory(max_memory_bytes: int) -> DocumentRejected:
    """Say that parsing needed more memory than allowed."""
    return DocumentRejected(
        QuarantineKind.TOO_MUCH_MEMORY,
        f"Parsing it takes more memory than parse_memory_bytes ({max_memory_bytes:,}).",
        remedy="Split or simplify the document, or raise limits.parse_memory_bytes of the collection.",
    )


def too_slow(timeout_s: float) -> DocumentRejected:
    """Say that parsing took too long and was stopped."""
    return DocumentRejected(
        QuarantineKind.TOO_SLOW,
        f"Parsing it took longer than parse_timeout_s ({timeout_s:g} s) and was stopped.",
        remedy="Split or simplify the document, or raise limits.parse_timeout_s of the collection.",
    )


def crashed(how: str) -> DocumentRejected:
    """Say that the document ended its parser's process, twice."""
    return DocumentRejected(
        QuarantineKind.CRASHED,
        f"It crashes its parser ({how}).",
        remedy="Open it in its own program, export it again and store that.",
    )
