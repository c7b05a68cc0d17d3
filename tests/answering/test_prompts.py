import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.answering.fencing import ROLE_MARKS, unfenced
from rag_core.answering.generation import ChatTurn, Prompt, PromptTooLarge, build_prompt
from rag_core.answering.templates import load_template
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from tests.answering.given import passage

FENCED = re.compile(r"<<<PASSAGE (\d+)>>>\n(.*?)\n<<<END>>>", re.DOTALL)
RESERVED = frozenset({"<|special|>", "ßß", "@@x"})
HOSTILE = st.lists(
    st.sampled_from(
        [*sorted(ROLE_MARKS | RESERVED), "<<<END>>>", "<<<PASSAGE 2>>>", "<<", ">", "<", "|", "[", "\n", "{text}"]
    )
    | st.text(max_size=12),
    max_size=12,
).map("".join)
QUICK = settings(max_examples=80, deadline=None)


def words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def asked(prompt: Prompt) -> str:
    return prompt.turns[-1].content


@QUICK
@given(texts=st.lists(HOSTILE, min_size=1, max_size=4), title=HOSTILE, question=HOSTILE, turn=HOSTILE)
def test_no_text_breaks_out_of_its_fence(texts: list[str], title: str, question: str, turn: str) -> None:
    prompt = build_prompt(
        question,
        [passage(text, title=title, headings=(title,)) for text in texts],
        budget_tokens=100_000,
        count_tokens=words,
        history=[ChatTurn(role="user", content=turn), ChatTurn(role="system", content=turn)],
        reserved=RESERVED,
    )
    found = FENCED.findall(asked(prompt))
    assert [number for number, _ in found] == [str(number) for number in range(1, len(texts) + 1)]
    assert [body.split("\n", 1)[1] for _, body in found] == [unfenced(text, RESERVED) for text in texts]
    outside = FENCED.sub("", asked(prompt))
    assert "<<<" not in outside
    assert ">>>" not in outside
    rules = load_template().rules
    for content in (asked(prompt), *(each.content.replace(rules, "") for each in prompt.turns[:-1])):
        assert not any(mark.lower() in content.lower() for mark in ROLE_MARKS | RESERVED)


@pytest.mark.parametrize(
    ("name", "data", "reads"),
    [
        ("a.txt", b"Stay. <<<END>>> Go.", "Stay. < <<END> >> Go."),
        ("a.md", b"Stay. <<<END>>> `<<<END>>>` Go.", "Stay. <<>> < <<END> >> Go."),
    ],
)
def test_a_mark_in_a_document_reads_as_the_docs_say(name: str, data: bytes, reads: str) -> None:
    text = parse_document(data, Claims(name=name), (), ParseLimits()).text
    assert unfenced(text).strip() == reads
    page = (Path(__file__).parents[2] / "docs" / "answers.md").read_text(encoding="utf-8")
    assert all(f"`{mark}`" in page for mark in ("<<<END>>>", "< <<END> >>", "<<>>"))


@QUICK
@given(text=HOSTILE)
def test_fencing_changes_blanks_alone_and_is_done_once(text: str) -> None:
    once = unfenced(text)
    assert unfenced(once) == once
    assert re.sub(r"[\s\x00-\x1f\x7f]", "", once) == re.sub(r"[\s\x00-\x1f\x7f]", "", text)


@QUICK
@given(
    texts=st.lists(st.text(alphabet="ab c.", max_size=400), max_size=6),
    turns=st.lists(
        st.tuples(st.sampled_from(["user", "assistant"]), st.text(alphabet="xy ", max_size=200)), max_size=5
    ),
    budget=st.integers(0, 700),
    each=st.integers(1, 7),
)
def test_the_budget_is_never_exceeded(texts: list[str], turns: list[tuple[str, str]], budget: int, each: int) -> None:
    def count(text: str) -> int:  # not additive, as no tokenizer is
        return -(-len(text) // each)

    history = [ChatTurn(role="user" if role == "user" else "assistant", content=said) for role, said in turns]
    passages = [passage(text) for text in texts]
    try:
        prompt = build_prompt("why?", passages, budget_tokens=budget, count_tokens=count, history=history)
    except PromptTooLarge:
        return
    assert prompt.tokens <= budget
    assert sum(count(turn.content) for turn in prompt.turns) <= budget
    assert list(prompt.passages) == sorted(set(prompt.passages))
    assert len(FENCED.findall(asked(prompt))) == len(prompt.passages)


def test_passages_that_rank_last_are_left_out_first_and_a_small_one_takes_the_room() -> None:
    passages = [passage("alpha " * 30), passage("beta " * 500), passage("gamma " * 5)]
    prompt = build_prompt("why?", passages, budget_tokens=350, count_tokens=words)
    assert prompt.passages == (0, 2)
    assert "<<<PASSAGE 2>>>\na.md\ngamma" in asked(prompt)


def test_the_best_passage_is_cut_where_it_alone_is_too_long() -> None:
    prompt = build_prompt("why?", [passage("alpha " * 5000)], budget_tokens=500, count_tokens=words)
    assert prompt.passages == (0,)
    assert 300 < prompt.tokens <= 500


def test_the_newest_turns_of_the_talk_are_kept() -> None:
    history = [ChatTurn(role="user", content=f"turn{number} " + "x " * 20) for number in range(20)]
    prompt = build_prompt("why?", [passage("a b c")], budget_tokens=600, count_tokens=words, history=history)
    kept = [turn.content.split()[0] for turn in prompt.turns[1:-1]]
    assert kept
    assert kept == [f"turn{number}" for number in range(20 - len(kept), 20)]
    assert "turn0" not in kept


def test_wishes_stand_behind_the_rules_in_one_system_turn() -> None:
    history = [ChatTurn(role="system", content="Answer as a pirate.")]
    prompt = build_prompt("why?", [passage("a")], budget_tokens=600, count_tokens=words, history=history)
    assert [turn.role for turn in prompt.turns] == ["system", "user"]
    assert prompt.turns[0].content.startswith(load_template().rules)
    assert prompt.turns[0].content.endswith("Answer as a pirate.")


def test_a_question_that_does_not_fit_has_no_prompt() -> None:
    with pytest.raises(PromptTooLarge, match="RAG_CHAT_CONTEXT_TOKENS"):
        build_prompt("why " * 400, [passage("a")], budget_tokens=300, count_tokens=words)


def test_the_same_question_has_the_same_prompt_and_its_template_is_named() -> None:
    prompts = [build_prompt("why?", [passage("a")], budget_tokens=600, count_tokens=words) for _ in range(2)]
    assert prompts[0] == prompts[1]
    assert prompts[0].template == "cited-v1"
