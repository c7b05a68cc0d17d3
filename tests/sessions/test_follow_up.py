"""Follow-ups: what leans on the talk takes its words along, what stands alone stays as it is."""

from datetime import UTC, datetime
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.callers import Caller, Scope
from rag_core.sessions.dependence import leans_on_talk
from rag_core.sessions.follow_up import MAX_CHARACTERS, follow_up
from rag_core.sessions.values import (
    ChatMessage,
    NewMessage,
    Role,
    TurnStatus,
    is_shown_to,
    new_id,
    standalone_shown_to,
    still_shown,
)
from tests.sessions.conftest import answer, question, stored

TALK = (stored(1, question("Where are backups stored?")), stored(2, answer(headings=("Handbook", "Backup policy"))))

LEANING = """
and how long are those kept? | Why? | How long? | For how long? | What about contractors? | Who approves them?
Who in the company approves them? | Who approves? | In Germany? | For contractors in Germany? | And in winter?
Is that also true for contractors? | Does that include Sundays? | Who decided that? | When was it changed? | Explain.
How long does it take? | How is it related to audits? | Tell me more. | Can you give an example? | But who pays?
Which one is cheaper? | Who works there? | What is its retention? | Is the same true for contractors? | What's that?
Who approves such exceptions? | What should I use instead? | Are they encrypted? | What happens after that?
Can they be restored by an intern? | How often is it tested? | Do these expire? | What does this policy cover?
When it fails, who is called? | Then what? | who can read it | ok and the price? | Does the manager sign it?
"""

STANDING = """
How long are backups kept? | Is it possible to restore a backup? | How long does it take to restore a backup?
When backups fail, who sees them? | If a backup fails, is it retried? | Does the company test its backups?
What is Kubernetes? | What is the policy that covers backups? | How do I ensure that backups run? | backup retention
Are there holidays this year? | What does this handbook cover? | Who pays those who work on Sundays? | backups
Under Windows, how do I install the client? | Is there a limit for uploads? | Who is the head of security?
Where is the office? | Is it true that salaries rise in May? | What should I do instead of restoring a backup?
Do contractors have the same rights as employees? | When are salaries paid? | What is an AND gate? | Explain backups
AND gate truth table | Where do I find the form that I need for travel? | What does RAG_CHAT_URL mean?
Which documents does a new employee sign before they start? | Is it safe to delete old snapshots?
What happens to the laptop after an employee gives it back? | how to reset a password
"""


def each(table: str) -> list[str]:
    return [text.strip() for line in table.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", each(LEANING))
def test_a_question_that_leans_on_the_talk_takes_its_words_along(text: str) -> None:
    found = follow_up(text, TALK)
    assert found.text.startswith(f"{text} (")
    assert {"backups", "stored"} & set(found.added)
    assert follow_up(text, ()).text == text


@pytest.mark.parametrize("text", each(STANDING))
def test_a_question_that_stands_alone_stays_as_it_is(text: str) -> None:
    assert follow_up(text, TALK).text == text


@pytest.mark.parametrize(
    ("last", "text", "added"),
    [
        ("Where are backups stored?", "what about those?", "backups stored"),
        ("Where are backups stored?", "and how long are those kept?", "backups"),
        ("Who approves expensive trips?", "And how are those booked?", "expensive trips"),
        ("Who approves expensive trips?", "And cheap trips?", "approves expensive"),
        ("How many days of holiday do employees have?", "What about contractors?", "days holiday employees"),
        ("What is the retention of backups?", "Who changed it?", "retention backups"),
    ],
)
def test_a_question_with_something_of_its_own_to_say_takes_the_subject_alone(last: str, text: str, added: str) -> None:
    talk = (stored(1, question(last)), stored(2, answer()))
    assert follow_up(text, talk).text == f"{text} ({added})"


def test_after_a_question_that_named_nothing_the_headings_that_were_cited_join_in() -> None:
    talk = (stored(1, question("Why?")), stored(2, answer(headings=("Handbook", "Retention of copies"))))
    assert follow_up("and how long?", talk).added == ("retention", "copies")


def test_a_chain_of_follow_ups_keeps_its_subject() -> None:
    second = follow_up("and how long are those kept?", TALK)
    talk = (*TALK, stored(3, question("and how long are those kept?", standalone=second.text)), stored(4, answer()))
    assert "backups" in follow_up("who approved that?", talk).added


def test_a_new_subject_leaves_the_old_one_behind() -> None:
    talk = (*TALK, stored(3, question("When are salaries paid?")), stored(4, answer(headings=("Salaries",))))
    assert follow_up("and to whom?", talk).added == ("salaries", "paid")


NOUNS = st.sampled_from(("backup", "laptop", "contract", "holiday", "salary", "office", "printer", "policy", "invoice"))
FORMS = st.sampled_from(
    (
        "How long is a {0} kept with the {1}?",
        "Who approves the {0} of a {1}?",
        "What is the {0} for each {1}?",
        "When does the {0} change, and who tells the {1}?",
        "If the {0} breaks, is it replaced by the {1}?",
        "Does every {0} have its {1}?",
        "Is it possible to return the {0} without a {1}?",
        "Where do I find the {0} that the {1} needs?",
        "{0} {1}",
    )
)
WORDS = st.text(max_size=60)
MESSAGES = st.lists(
    st.builds(
        lambda role, content, heading: NewMessage(
            role=role,
            content=content,
            collection="handbook",
            status=TurnStatus.ANSWERED,
            citations=answer(headings=(heading,)).citations if role is Role.ASSISTANT else (),
        ),
        st.sampled_from(list(Role)),
        WORDS,
        WORDS,
    ),
    max_size=6,
).map(lambda said: tuple(stored(number, each) for number, each in enumerate(said, 1)))


@given(FORMS, NOUNS, NOUNS, MESSAGES)
def test_no_talk_changes_a_question_that_names_what_it_asks(
    form: str, noun: str, other: str, talk: tuple[ChatMessage, ...]
) -> None:
    asked = form.format(noun, other)
    assert follow_up(asked, talk).text == asked


@given(st.text(min_size=1, max_size=MAX_CHARACTERS), MESSAGES)
def test_whatever_is_asked_stays_in_front_and_only_words_of_the_talk_are_added(
    asked: str, talk: tuple[ChatMessage, ...]
) -> None:
    found = follow_up(asked, talk)
    assert found.text.startswith(asked)
    assert len(found.text) <= MAX_CHARACTERS
    assert found == follow_up(asked, talk)
    said = "\n".join(_everything(message.said) for message in talk).casefold().replace("’", "'")
    assert [word for word in found.added if word.casefold() not in said] == []
    if not leans_on_talk(asked):
        assert not found.added


def _everything(said: NewMessage) -> str:
    return " ".join([said.content, *(heading for place in said.citations for heading in place.heading_path)])


def caller(**changed: object) -> Caller:
    fields = {"collections": frozenset({"handbook"}), "groups": ("a", "b"), "scopes": frozenset({Scope.READ})}
    return Caller(**{"key_id": "k", "name": "n", "namespace": "n", **fields, **changed})


@pytest.mark.parametrize(
    ("who", "seen_as", "shown"),
    [
        (caller(), ("a",), True),
        (caller(), (), True),
        (caller(), ("a", "b"), True),
        (caller(), ("a", "c"), False),
        (caller(), None, False),
        (caller(groups=None), None, True),
        (caller(groups=None), ("c",), True),
        (caller(groups=()), ("a",), False),
        (caller(collections=frozenset({"other"})), ("a",), False),
        (caller(collections=None), ("a",), True),
        (caller(scopes=frozenset({Scope.INGEST})), ("a",), False),
    ],
)
def test_an_answer_is_shown_while_its_collection_and_groups_are_the_callers(
    who: Caller, seen_as: tuple[str, ...] | None, *, shown: bool
) -> None:
    said = NewMessage(
        role=Role.ASSISTANT, content="a", collection="handbook", status=TurnStatus.ANSWERED, seen_as=seen_as
    )
    assert is_shown_to(who, said) is shown
    assert is_shown_to(who, question())


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        (caller(collections=frozenset({"handbook", "plans"})), True),
        (caller(collections=None, groups=None), True),
        (caller(), False),
        (caller(collections=None, groups=("a",)), False),
    ],
)
def test_words_of_the_talk_are_shown_and_used_while_all_of_the_sessions_rights_hold(
    who: Caller, *, shown: bool
) -> None:
    asked = NewMessage(
        role=Role.USER,
        content="And the price?",
        collection="handbook",
        status=TurnStatus.ANSWERED,
        standalone="What is the price of the merger?",
        seen_as=("a", "b"),
    )
    message = ChatMessage(number=1, created_at=datetime.now(UTC), said=asked)
    (kept,) = still_shown(who, [message], ["handbook", "plans"])
    assert kept.said.content == asked.content
    assert kept.said.standalone == (asked.standalone if shown else None)
    assert standalone_shown_to(who, asked, ["handbook", "plans"]) == kept.said.standalone


@given(st.integers(0, 2**47), st.integers(0, 2**47), st.binary(min_size=10, max_size=10))
def test_later_ids_sort_behind(earlier: int, later: int, randomness: bytes) -> None:
    first, second = (new_id(now_ms=now, randomness=randomness) for now in sorted((earlier, later)))
    assert first <= second
    assert (first.version, first.variant) == (7, RFC_4122)
