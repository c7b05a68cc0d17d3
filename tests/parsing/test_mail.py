from email.message import EmailMessage

from rag_core.parsed import ParsedDocument
from resources.clients.parsing import ParseLimits
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.media_types import Claims


def parsed(data: bytes, name: str = "x.eml") -> ParsedDocument:
    return parse_document(data, Claims(name=name), (), ParseLimits())


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Åsa Berg <asa@example.org>"
    made["To"] = "crew@example.org"
    made["Subject"] = "Winter timetable für alle"
    made["Date"] = "Mon, 01 Jan 2024 09:00:00 +0100"
    made["Message-ID"] = "<1@example.org>"
    made.set_content("The ferry leaves at seven.\n")
    return made


def test_subject_people_and_body_are_text_and_metadata() -> None:
    document = parsed(message().as_bytes(), "inbox/no-suffix")
    assert document.parser == "email/1"
    assert document.title == "Winter timetable für alle"
    assert document.text == (
        "Winter timetable für alle\n\nFrom: Åsa Berg <asa@example.org>\nTo: crew@example.org\n"
        "Date: Mon, 01 Jan 2024 09:00:00 +0100\n\nThe ferry leaves at seven."
    )
    assert document.metadata["message_id"] == "<1@example.org>"


def test_of_two_forms_of_a_body_the_plain_one_is_read() -> None:
    made = message()
    made.add_alternative("<p>The <b>ferry</b> in HTML.</p>", subtype="html")
    text = parsed(made.as_bytes()).text
    assert "leaves at seven" in text
    assert "HTML" not in text


def test_html_is_read_where_there_is_no_plain_form() -> None:
    made = message()
    made.set_content("<p>The <b>ferry</b> in HTML.</p><script>x()</script>", subtype="html")
    text = parsed(made.as_bytes()).text
    assert text.endswith("The ferry in HTML.")


def test_attachments_are_named_and_plain_ones_are_read() -> None:
    made = message()
    made.add_attachment(b"%PDF-1.7 secret", maintype="application", subtype="pdf", filename="plan.pdf")
    made.add_attachment("Stops: Vik.", filename="stops.txt")
    document = parsed(made.as_bytes())
    assert "Attachment: plan.pdf (application/pdf)" in document.text
    assert document.text.endswith("Attachment: stops.txt (text/plain)\n\nStops: Vik.")
    assert "secret" not in document.text
    assert document.metadata["attachments"] == ["plan.pdf", "stops.txt"]


def test_nested_and_broken_parts_end_with_what_can_be_read() -> None:
    boundary = "\n".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}' for n in range(200))
    data = f"From: a@example.org\nTo: b@example.org\nSubject: Deep\nMIME-Version: 1.0\n{boundary}\n\nend\n".encode()
    assert parsed(data).title == "Deep"
    damaged = message().as_bytes().replace(b"utf-8", b"no-such-charset")
    assert "leaves at seven" in parsed(damaged).text
