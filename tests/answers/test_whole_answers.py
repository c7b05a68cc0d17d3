from pathlib import Path

import pytest

from tests.answers.conftest import FOREIGN, QUESTION, Api, serve
from tests.query_api.conftest import BACKUPS, World
from tests.services.loopback import free_port


def test_a_model_answers_from_the_passages_and_its_citations_lead_to_them(api: Api) -> None:
    answer = api.answer()
    assert answer["answered"] is True
    assert answer["answer"] == "Backups are kept for thirty days [1]."
    (cited,) = answer["citations"]
    assert (cited["number"], cited["uri"], cited["text"]) == (1, BACKUPS.uri, BACKUPS.texts[0])
    assert answer["generation"] == {
        "mode": "model",
        "model": "tiny",
        "template": "cited-v1",
        "fell_back": False,
        "because": None,
        "finish_reason": "stop",
        "unsupported_citations": 0,
    }
    assert answer["usage"] == {"prompt_tokens": 50, "completion_tokens": 9}
    assert answer["quotes"] == []


def test_the_model_gets_fenced_passages_the_question_and_how_to_choose_its_words(api: Api) -> None:
    api.answer(max_tokens=33)
    (request,) = api.chat.requests
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    asked = request["messages"][1]["content"]
    assert (
        "<<<PASSAGE 1>>>\nbackups.md › Chapter\nThe office opens at nine. Backups are kept for thirty days.\n<<<END>>>"
        in asked
    )
    assert f"Question: {QUESTION}" in asked
    assert (request["temperature"], request["seed"], request["max_tokens"]) == (0.0, 11, 33)


def test_the_caller_may_say_how_the_words_are_chosen_and_what_was_said_before(api: Api) -> None:
    history = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}]
    api.answer(temperature=0.7, seed=3, history=history, max_tokens=60_000)
    (request,) = api.chat.requests
    assert (request["temperature"], request["seed"], request["max_tokens"]) == (0.7, 3, 512)
    assert [message["content"] for message in request["messages"][1:3]] == ["Hello.", "Good day."]


def test_the_same_question_asks_the_model_for_the_same(api: Api) -> None:
    assert api.answer() == api.answer()
    assert api.chat.requests[0] == api.chat.requests[1]


def test_a_model_is_never_asked_about_passages_below_the_threshold(api: Api) -> None:
    answer = api.answer(FOREIGN)
    assert (answer["answered"], answer["answer"], answer["reason"]) == (False, None, "not-in-passages")
    assert (answer["generation"]["mode"], answer["generation"]["fell_back"]) == ("extractive", False)
    assert api.answer(QUESTION, filters={"year": 1900})["reason"] == "no-passages"
    assert api.chat.requests == []


def test_what_a_caller_may_not_see_never_reaches_the_model(api: Api) -> None:
    api.answer("Restores are tested every month, do salaries rise?", groups=["sales"])
    assert api.chat.requests
    assert "Salaries" not in str(api.chat.requests)


def test_only_quotation_answers_where_that_is_asked_for(api: Api) -> None:
    answer = api.answer(generation="extractive")
    assert answer["answer"].startswith("Backups are kept for thirty days. [1]")
    assert (answer["generation"]["mode"], answer["generation"]["model"]) == ("extractive", None)
    assert answer["usage"] == {"prompt_tokens": 0, "completion_tokens": 0}
    assert api.chat.requests == []


def test_citations_of_nothing_are_taken_out_and_counted(api: Api) -> None:
    api.chat.say("Backups are kept [9] for thirty days [1, 77].")
    answer = api.answer()
    assert answer["answer"] == "Backups are kept for thirty days [1]."
    assert answer["generation"]["unsupported_citations"] == 2
    assert [each["number"] for each in answer["citations"]] == [1]


@pytest.mark.parametrize(
    "written",
    [("Backups are kept for thirty days.",), ("Dogs bark [9].",), ("[1]",), ("Zebras gallop everywhere [1].",)],
)
def test_a_text_without_a_source_is_replaced_by_quotation(api: Api, written: tuple[str, ...]) -> None:
    api.chat.say(*written)
    answer = api.answer()
    assert answer["answer"].startswith("Backups are kept for thirty days. [1]")
    assert (answer["generation"]["mode"], answer["generation"]["fell_back"]) == ("extractive", True)
    assert "names no passage" in answer["generation"]["because"]
    assert answer["usage"] == {"prompt_tokens": 50, "completion_tokens": 9}
    only_model = api.answer(generation="model")
    assert (only_model["answered"], only_model["reason"]) == (False, "unsupported")
    assert only_model["citations"]


def test_a_model_that_sees_no_answer_is_believed(api: Api) -> None:
    api.chat.say("[no ", "answer]")
    answer = api.answer()
    assert (answer["answered"], answer["reason"], answer["generation"]["mode"]) == (False, "not-in-passages", "model")
    assert answer["citations"]


def test_a_cut_answer_says_so(api: Api) -> None:
    api.chat.say("Backups are kept [1] for", finish="length")
    assert api.answer()["generation"]["finish_reason"] == "length"


@pytest.mark.parametrize("trouble", [{"status": 500}, {"status": 429}, {"status": 401}, {"drop_after": 2}])
def test_in_an_outage_quotation_answers_and_says_why(api: Api, trouble: dict[str, int]) -> None:
    api.chat.say(*["Backups", "are", "kept", "for"], **trouble)
    answer = api.answer()
    assert answer["answer"].startswith("Backups are kept for thirty days. [1]")
    generation = answer["generation"]
    assert (generation["mode"], generation["model"], generation["fell_back"]) == ("extractive", "tiny", True)
    assert generation["because"]
    problem = api.ask(generation="model")
    assert (problem.status_code, problem.json()["dependency"]) == (503, "chat model")
    assert int(problem.headers["retry-after"]) > 0


def test_tokens_are_counted_here_where_the_server_counts_none(api: Api) -> None:
    api.chat.say("Backups are kept [1].", usage=None)
    usage = api.answer()["usage"]
    assert usage["prompt_tokens"] > 200
    assert 5 <= usage["completion_tokens"] <= 12


def test_a_chat_server_that_is_not_there_leaves_quotation(world: World, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    with serve(world, tmp_path, chat_url=nobody, chat_model="tiny") as url:
        answer = Api(url=url, chat=None).answer()
        assert answer["generation"]["fell_back"] is True
        assert answer["usage"] == {"prompt_tokens": 0, "completion_tokens": 0}


def test_without_a_chat_server_a_model_cannot_be_asked_for(world: World, tmp_path: Path) -> None:
    with serve(world, tmp_path) as url:
        api = Api(url=url, chat=None)
        assert api.ask(generation="model").status_code == 422
        answer = api.answer()
        assert (answer["generation"]["mode"], answer["generation"]["fell_back"]) == ("extractive", False)


def test_a_question_larger_than_the_models_context_is_quoted(world: World, tmp_path: Path, api: Api) -> None:
    changed = {"chat_url": api.chat.url, "chat_model": "tiny", "chat_context_tokens": "1024", "chat_max_tokens": "512"}
    with serve(world, tmp_path, **changed) as url:
        small = Api(url=url, chat=api.chat)
        answer = small.answer("How long are backups kept? " * 70)
        assert answer["generation"]["fell_back"] is True
        assert "RAG_CHAT_CONTEXT_TOKENS" not in answer["generation"]["because"]
        assert small.ask("How long are backups kept? " * 70, generation="model").status_code == 422
        assert api.chat.requests == []


def test_fields_beyond_their_bounds_are_refused(api: Api) -> None:
    for wrong in ({"temperature": 2.5}, {"seed": 2**60}, {"max_tokens": 0}, {"generation": "magic"}):
        assert api.ask(**wrong).status_code == 422
    assert api.ask(history=[{"role": "tool", "content": "x"}]).status_code == 422
