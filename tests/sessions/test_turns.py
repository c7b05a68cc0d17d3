"""Turns in a real PostgreSQL: one at a time, whole or not at all, in order, by their owner alone."""

import threading
from uuid import UUID

import pytest

from rag_core.sessions.refusals import LimitReached, SessionBusy, TurnLost, UnknownProject, UnknownSession
from rag_core.sessions.values import NewMessage, Role, SessionLimits, TurnStatus
from resources.clients.catalog import Catalog
from resources.clients.catalog.chat import Projects, Sessions, Turns
from resources.clients.catalog.database import Database
from tests.sessions.conftest import OTHER, OWNER, answer, fresh_id, new_session, question, rows, talk


def test_a_turn_comes_back_as_it_was_said(catalog: Catalog) -> None:
    session = new_session(catalog)
    talk(catalog, session, (question(standalone="How long? (backups)"), answer()))
    first, second = catalog.sessions.messages(OWNER, session, after=0, limit=10)
    assert (first.said, second.said) == (question(standalone="How long? (backups)"), answer())
    assert (first.number, second.number, first.turn, second.turn) == (1, 2, 1, 1)
    assert first.created_at == second.created_at


def test_what_postgresql_cannot_store_is_left_out_or_replaced(catalog: Catalog) -> None:
    session = new_session(catalog)
    odd = answer("A\0 B \ud800", headings=("\0\udfff", "\\u0000"))
    talk(catalog, session, (question("a\0b\ud800"), odd))
    asked, answered = catalog.sessions.messages(OWNER, session, after=0, limit=10)
    assert (asked.said.content, answered.said.content) == ("ab?", "A B ?")
    assert answered.said.citations[0].heading_path == ("?", "\\u0000")


def test_no_groups_stay_no_groups(catalog: Catalog) -> None:
    session = new_session(catalog)
    seen = NewMessage(role=Role.ASSISTANT, content="a", collection="handbook", status=TurnStatus.ANSWERED, seen_as=())
    talk(catalog, session, (question(), seen))
    assert catalog.sessions.messages(OWNER, session, after=1, limit=1)[0].said.seen_as == ()


def test_a_session_without_a_title_takes_it_from_its_first_question(catalog: Catalog) -> None:
    untitled, titled = new_session(catalog), new_session(catalog, title="Mine")
    for session in (untitled, titled):
        talk(catalog, session, (question("How long?\n\nReally long?"), answer()), (question("Why?"), answer()))
    assert catalog.sessions.get(OWNER, untitled).title == "How long? Really long?"
    assert catalog.sessions.get(OWNER, titled).title == "Mine"


def test_the_second_question_at_once_is_refused_and_the_session_goes_on(catalog: Catalog) -> None:
    session = new_session(catalog)
    turn = catalog.turns.begin(OWNER, session)
    with pytest.raises(SessionBusy):
        catalog.turns.begin(OWNER, session)
    assert catalog.turns.finish(turn, [question(), answer()]) == 1
    assert [each.number for each in catalog.turns.begin(OWNER, session).history] == [1, 2]


def test_of_many_that_begin_at_once_one_holds_the_session(catalog: Catalog) -> None:
    session = new_session(catalog)
    outcomes: list[str] = []

    def begin() -> None:
        try:
            catalog.turns.begin(OWNER, session)
            outcomes.append("held")
        except SessionBusy:
            outcomes.append("busy")

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["busy"] * 5 + ["held"]


def test_who_stopped_renewing_loses_the_turn_and_stores_nothing(catalog: Catalog) -> None:
    session = new_session(catalog)
    lost = catalog.turns.begin(OWNER, session, held_s=0)
    taken = catalog.turns.begin(OWNER, session)
    with pytest.raises(TurnLost):
        catalog.turns.finish(lost, [question("lost"), answer()])
    assert not catalog.turns.renew(lost)
    assert catalog.turns.renew(taken)
    catalog.turns.release(session, lost.holder)  # gives back nothing that is another's
    catalog.turns.finish(taken, [question("taken"), answer()])
    messages = catalog.sessions.messages(OWNER, session, after=0, limit=10)
    assert [message.said.content for message in messages] == ["taken", answer().content]


def test_a_released_session_stores_nothing_and_is_free(catalog: Catalog) -> None:
    session = new_session(catalog)
    catalog.turns.release(session, catalog.turns.begin(OWNER, session).holder)
    assert catalog.turns.begin(OWNER, session).history == ()
    assert catalog.sessions.get(OWNER, session).turns == 0


def test_a_question_that_was_cancelled_stands_alone(catalog: Catalog) -> None:
    session = new_session(catalog)
    left = NewMessage(role=Role.USER, content="Left?", collection="handbook", status=TurnStatus.CANCELLED)
    catalog.turns.finish(catalog.turns.begin(OWNER, session), [left])
    talk(catalog, session)
    messages = catalog.sessions.messages(OWNER, session, after=0, limit=10)
    assert [(message.number, message.said.role) for message in messages] == [(1, "user"), (3, "user"), (4, "assistant")]


def test_a_session_deleted_while_it_is_answered_stays_deleted(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    turn = catalog.turns.begin(OWNER, session)
    catalog.sessions.delete(OWNER, session)
    with pytest.raises(TurnLost):
        catalog.turns.finish(turn, [question(), answer()])
    assert rows(url, "SELECT count(*) FROM chat_messages") == [(0,)]


def test_another_owners_sessions_and_projects_are_unknown_in_the_same_words(catalog: Catalog) -> None:
    session = new_session(catalog)
    project = catalog.projects.create(OWNER, fresh_id(), title="P").id
    never = fresh_id()
    for known, ask in (
        (session, lambda each: catalog.sessions.get(OTHER, each)),
        (session, lambda each: catalog.sessions.messages(OTHER, each, after=0, limit=1)),
        (session, lambda each: catalog.sessions.delete(OTHER, each)),
        (session, lambda each: catalog.turns.begin(OTHER, each)),
        (project, lambda each: catalog.projects.get(OTHER, each)),
        (project, lambda each: catalog.projects.rename(OTHER, each, title="X")),
        (project, lambda each: catalog.projects.delete(OTHER, each)),
        (project, lambda each: new_session(catalog, OTHER, project=each)),
    ):
        said: list[str] = []
        for asked in (known, never):
            with pytest.raises((UnknownSession, UnknownProject)) as raised:
                ask(asked)
            said.append(str(raised.value).replace(str(asked), ""))
        assert said[0] == said[1]
    assert catalog.sessions.list(OTHER, project_id=None, before=None, limit=10) == []
    assert catalog.sessions.list(OTHER, project_id=project, before=None, limit=10) == []
    assert catalog.projects.list(OTHER, before=None, limit=10) == []
    assert catalog.sessions.get(OWNER, session).id == session


def test_lists_come_newest_first_page_by_page(catalog: Catalog) -> None:
    made = [fresh_id() for _ in range(5)]
    for each in made:
        catalog.sessions.create(OWNER, each, collections=["handbook"], title="", project_id=None)
    paged: list[UUID] = []
    before = None
    while page := catalog.sessions.list(OWNER, project_id=None, before=before, limit=2):
        paged += [session.id for session in page]
        before = paged[-1]
    assert paged == sorted(made, reverse=True)


def test_messages_come_in_order_page_by_page(catalog: Catalog) -> None:
    session = new_session(catalog)
    talk(catalog, session, *[(question(f"q{number}"), answer(f"a{number}")) for number in range(3)])
    paged: list[str] = []
    after = 0
    while page := catalog.sessions.messages(OWNER, session, after=after, limit=4):
        paged += [message.said.content for message in page]
        after = page[-1].number
    assert paged == ["q0", "a0", "q1", "a1", "q2", "a2"]


def test_deleting_a_project_deletes_its_sessions_and_their_messages_alone(catalog: Catalog, url: str) -> None:
    project = catalog.projects.create(OWNER, fresh_id(), title="P").id
    inside, outside = new_session(catalog, project=project), new_session(catalog)
    talk(catalog, inside)
    talk(catalog, outside)
    assert catalog.projects.get(OWNER, project).sessions == 1
    assert catalog.projects.delete(OWNER, project) == 1
    assert rows(url, "SELECT DISTINCT session_id FROM chat_messages") == [(outside,)]
    with pytest.raises(UnknownSession):
        catalog.sessions.get(OWNER, inside)


def test_limits_hold(catalog: Catalog, url: str) -> None:
    database = Database(url)
    limits = SessionLimits(projects=1, sessions=2, sessions_of_project=1, turns=1)
    projects, sessions = Projects(database, limits=limits), Sessions(database, limits=limits)
    turns = Turns(database, catalog.kept_messages, limits=limits)

    def create(project: UUID | None = None) -> UUID:
        return sessions.create(OWNER, fresh_id(), collections=["handbook"], title="", project_id=project).id

    project = projects.create(OWNER, fresh_id(), title="P").id
    with pytest.raises(LimitReached, match="projects"):
        projects.create(OWNER, fresh_id(), title="Q")
    inside = create(project)
    with pytest.raises(LimitReached, match="project has 1"):
        create(project)
    create()
    with pytest.raises(LimitReached, match="2 sessions"):
        create()
    turns.finish(turns.begin(OWNER, inside), [question(), answer()])
    with pytest.raises(LimitReached, match="1 questions"):
        turns.begin(OWNER, inside)
    assert rows(url, "SELECT held_by FROM chat_sessions WHERE held_by IS NOT NULL") == []
    database.close()
