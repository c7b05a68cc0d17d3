"""Makes the PDFs that tests need: honest ones by reportlab, locked ones by pypdf, broken ones by hand."""

import io
import zlib

from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

PROSE = "The ferry leaves the harbour at seven and comes back before noon."


def pdf(pages: list[list[str]], *, title: str = "", sizes: dict[str, float] | None = None) -> bytes:
    """Return a PDF with these lines on its pages; ``sizes`` sets single lines larger than 11 points."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    if title:
        canvas.setTitle(title)
    for lines in pages:
        y = 780.0
        for line in lines:
            size = (sizes or {}).get(line, 11)
            canvas.setFont("Helvetica", size)
            canvas.drawString(60, y, line)
            y -= 14 if line else 16
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def locked(data: bytes, *, user_password: str, algorithm: str = "AES-256") -> bytes:
    """Return the PDF encrypted; an empty user password opens without asking."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(user_password=user_password, owner_password="owner-secret", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def scanned(pages: int) -> bytes:
    """Return a PDF whose pages are pictures."""
    grey = b"P5 64 64 255\n" + bytes(range(64)) * 64
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for _ in range(pages):
        canvas.drawImage(ImageReader(io.BytesIO(grey)), 0, 0, 400, 400)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def by_hand(content: bytes, *, filters: bytes = b"/FlateDecode", kids: bytes = b"[3 0 R]", count: int = 1) -> bytes:
    """Return a minimal PDF of one page around an encoded content stream, with a correct cross-reference table."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids %s /Count %d >>" % (kids, count),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(content), filters, content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.7\n"
    offsets: list[int] = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def bomb(unpacked_bytes: int) -> bytes:
    """Return a small PDF whose page unpacks, twice over, to that many bytes of drawing operators."""
    packer = zlib.compressobj(9)
    piece = b"0 0 m 9 9 l S\n" * 75_000
    packed = b"".join(packer.compress(piece) for _ in range(unpacked_bytes // len(piece))) + packer.flush()
    return by_hand(zlib.compress(packed, 9), filters=b"[/FlateDecode /FlateDecode]")


def joined(*documents: bytes) -> bytes:
    """Return one PDF with the pages of several."""
    writer = PdfWriter()
    for data in documents:
        writer.append(io.BytesIO(data))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
