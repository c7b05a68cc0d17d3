"""Writes the sample PDFs: ``python collections/samples/make_pdfs.py``. The same input gives the same bytes."""

# ruff: noqa: E501 - the documents' sentences are easier to edit in lines of their own

from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table, TableStyle
from reportlab.platypus.flowables import Flowable

FOLDER = Path(__file__).resolve().parent
STYLES = getSampleStyleSheet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A headed part; a paragraph may be a text or the rows of a table."""

    heading: str
    body: tuple[str | tuple[tuple[str, ...], ...], ...]
    new_page: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One PDF with its title page matter and its sections."""

    path: str
    title: str
    subject: str
    sections: tuple[Section, ...]


class _Document(BaseDocTemplate):
    """A4 pages with page numbers; headings enter the outline as they are placed."""

    def __init__(self, path: Path, sample: Sample) -> None:
        super().__init__(
            str(path),
            pagesize=A4,
            title=sample.title,
            subject=sample.subject,
            author="Larkfield Logistics",
            invariant=1,
        )
        frame = Frame(2.2 * cm, 2.2 * cm, A4[0] - 4.4 * cm, A4[1] - 4.4 * cm)
        self.addPageTemplates(PageTemplate(frames=[frame], onPage=_page_number))

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - reportlab calls it by this name
        """Put a placed heading into the outline."""
        if isinstance(flowable, Paragraph) and flowable.style.name in {"Heading1", "Heading2"}:
            key = f"heading-{self.page}-{flowable.getPlainText()}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level=int(flowable.style.name[-1]) - 1)


def _page_number(canvas: object, document: BaseDocTemplate) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawCentredString(A4[0] / 2, 1.2 * cm, str(document.page))


def write(sample: Sample) -> Path:
    """Write one sample and return its path."""
    body = ParagraphStyle("Body", parent=STYLES["BodyText"], fontSize=10, leading=13, spaceAfter=7)
    story: list[Flowable] = [Paragraph(sample.title, STYLES["Heading1"])]
    for section in sample.sections:
        if section.new_page:
            story.append(PageBreak())
        story.append(Paragraph(section.heading, STYLES["Heading2"]))
        for part in section.body:
            if isinstance(part, str):
                story.append(Paragraph(part, body))
            else:
                grid = TableStyle([("GRID", (0, 0), (-1, -1), 0.4, "grey"), ("FONTSIZE", (0, 0), (-1, -1), 9)])
                story += [Table([list(row) for row in part], style=grid), Spacer(1, 8)]
    path = FOLDER / sample.path
    _Document(path, sample).build(story)
    return path


INCIDENTS = Sample(
    path="handbook/incident-response.pdf",
    title="Incident response guide",
    subject="What to do when something is broken",
    sections=(
        Section(
            heading="Declaring an incident",
            body=(
                "Anyone may declare an incident, and nobody is blamed for one that turns out to be nothing. Type "
                "/incident in the chat; a channel, a document and a call are opened, and the primary on-call engineer of "
                "the affected service is paged.",
                "The first person who answers becomes the incident commander until somebody else says clearly that they "
                "take over. The commander coordinates and does not debug.",
            ),
        ),
        Section(
            heading="Roles",
            body=(
                (
                    ("role", "task"),
                    ("incident commander", "decides, keeps the overview, hands over in writing"),
                    ("operations lead", "the only one who changes production during the incident"),
                    ("communications lead", "writes to customers and to the status page"),
                    ("scribe", "keeps the timeline with times in UTC"),
                ),
                "For a SEV1 all four roles are different people. For a SEV2 the commander may also be the scribe.",
            ),
        ),
        Section(
            heading="Telling customers",
            body=(
                "The status page is updated within 15 minutes of declaring a SEV1, and then every 30 minutes, even if "
                "there is nothing new to say. Only the communications lead writes there. We name what customers notice, "
                "not the component that broke.",
            ),
        ),
        Section(
            heading="A read-only database",
            new_page=True,
            body=(
                "When the disk of a database writer reaches 95 percent, the writer becomes read-only. First free space by "
                "dropping the oldest partitions of the table event_archive; this is safe, they are in the warehouse. If "
                "that is not enough, grow the disk by hand with larkctl database grow. Do not delete WAL files.",
            ),
        ),
        Section(
            heading="After the incident",
            body=(
                "A review is written for every SEV1 and SEV2 within five working days. It is blameless: it asks how the "
                "system made the mistake easy, not who made it. The review has at most five actions, each with an owner "
                "and a date, and is presented at the operations meeting on the following Thursday.",
                "Actions that are older than 60 days are read out by the head of platform at the monthly all-hands.",
            ),
        ),
    ),
)

CLUSTERS = Sample(
    path="handbook/kubernetes-clusters.pdf",
    title="Kubernetes clusters",
    subject="Where services run and under which rules",
    sections=(
        Section(
            heading="Our clusters",
            body=(
                (
                    ("cluster", "region", "nodes", "used for"),
                    ("heron", "eu-west", "84", "production"),
                    ("osprey", "eu-north", "40", "production, second region"),
                    ("wren", "eu-west", "18", "staging"),
                    ("finch", "eu-west", "6", "platform experiments"),
                ),
                "Services with customer traffic run in heron and osprey at the same time. Either of them can carry the "
                "whole load outside the peak season.",
            ),
        ),
        Section(
            heading="Requests and limits",
            body=(
                "Every container states its memory request and an equal memory limit. Processor requests are required, "
                "processor limits are forbidden, because throttling made the tail latency of the order service worse. A "
                "namespace starts with a quota of 32 cores and 128 GiB.",
            ),
        ),
        Section(
            heading="Disruption budgets",
            body=(
                "A service with more than one replica has a disruption budget that lets one pod at a time go away. Nodes "
                "are replaced every 14 days, on weekdays only, so every pod must be able to stop within 60 seconds of "
                "the termination signal.",
            ),
        ),
        Section(
            heading="Upgrading a cluster",
            new_page=True,
            body=(
                "Clusters are upgraded every four months, in the order finch, wren, osprey, heron, with one week between "
                "two of them. The cluster team does the upgrade on a Tuesday. Teams get a list of the removed interfaces "
                "six weeks before; a service that still uses one is moved by the cluster team and its owners are told.",
            ),
        ),
        Section(
            heading="Images",
            body=(
                "Only signed images from our own registry are admitted. Images older than 45 days are rebuilt so that "
                "they carry the current fixes of the base image. An image that runs as root is refused.",
            ),
        ),
    ),
)

RECOVERY = Sample(
    path="handbook/disaster-recovery.pdf",
    title="Disaster recovery plan",
    subject="Losing a region and coming back",
    sections=(
        Section(
            heading="What counts as a disaster",
            body=(
                "A disaster is the loss of a whole region for longer than 30 minutes, or the loss of data that normal "
                "backups cannot bring back. Only the head of platform or, if not reachable within ten minutes, the "
                "director of engineering declares it.",
            ),
        ),
        Section(
            heading="Moving to the second region",
            body=(
                "The order of the move is fixed: identity, databases, messaging, ordering, tracking, everything else. The "
                "whole move takes at most three hours. Up to five minutes of orders may be lost; the reconciliation job "
                "finds them in the records of the payment provider.",
                "The name servers have a time to live of 60 seconds, so customers follow within two minutes of the "
                "switch.",
            ),
        ),
        Section(
            heading="Exercises",
            body=(
                "The move is exercised twice a year, on the third Sunday of March and of September, between 04:00 and "
                "08:00 UTC. The exercise of September 2025 took two hours and 20 minutes; the messaging step was the "
                "slowest with 52 minutes.",
            ),
        ),
        Section(
            heading="Coming back",
            new_page=True,
            body=(
                "We go back no earlier than 72 hours after the lost region is healthy again, and never on the same day as "
                "a deployment. Data is copied back and compared first; the comparison has to be without a difference for "
                "six hours.",
            ),
        ),
        Section(
            heading="Contacts",
            body=(
                "The printed contact list hangs in the operations room and in the office safe. It is renewed on the first "
                "of each month. The satellite phone is in the safe too; its battery is checked every quarter.",
            ),
        ),
    ),
)

DRONES = Sample(
    path="research-notes/drone-corridor.pdf",
    title="A drone corridor over the harbour",
    subject="Proposal of the automation team",
    sections=(
        Section(
            heading="Proposal",
            body=(
                "We propose a corridor of 3.4 kilometres across the harbour of Oslund, flown at a height of 90 metres. It "
                "would replace a drive of 22 minutes by a flight of five. The drones carry up to 2.5 kilograms, which "
                "covers 38 percent of our parcels on that route.",
            ),
        ),
        Section(
            heading="Risks",
            body=(
                "Wind above 12 metres a second grounds the drones; in the past three years that was so on 41 days a year. "
                "The harbour authority asks for a parachute and for a live position, which both exist.",
            ),
        ),
        Section(
            heading="Cost",
            body=(
                "The first year would cost 410,000 euros with four drones, a landing site on each side and two pilots.",
            ),
        ),
    ),
)

SAMPLES = (INCIDENTS, CLUSTERS, RECOVERY, DRONES)

if __name__ == "__main__":
    for each in SAMPLES:
        write(each)
