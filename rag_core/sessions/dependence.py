"""Whether a question can be understood without the talk before it: a rule over English words, without a model.

A question leans on the talk when it goes on with it ("and …", "what about …"), when it names nothing ("why?", "for
contractors?"), or when it points at something that it does not name itself ("how long are *those* kept?").

A pronoun may also point at something in its own question. Which one it can be follows from grammar: a personal
pronoun never means a noun of its own clause (Chomsky, *Lectures on Government and Binding*, 1981, principle B), so
"who in the company approves them?" leans on the talk and "when backups fail, who sees them?" does not. Possessives may
mean a noun of their own clause ("does the company test its backups?").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag_core.analyzer import analyze

_WORD = re.compile(r"[^\W_](?:[\w]|['’.-](?=\w))*")
_SUFFIX = re.compile(r"['’](?:s|re|ll|ve|d|m)$", re.IGNORECASE)
_PAUSE = re.compile(r"[,;:!?()]|\.\s|\s[-–—]\s")

_OPENERS = frozenset("and or but also then so plus ok okay".split())  # noqa: SIM905 - read as words
_OPENINGS = ("what about", "how about", "what else", "who else", "where else", "why not", "what if not", "in that case")
_BREAKS = frozenset(
    "and or but if when whenever once after before because since while unless until where which who whom so".split()  # noqa: SIM905
)
_AUXILIARIES = frozenset(
    """am are be been being can could did do does had has have is may might must shall should was were will would isn't
    aren't doesn't don't didn't wasn't weren't won't can't""".split()  # noqa: SIM905
)
_BE_HAVE = frozenset("am are be been being had has have is was were".split())  # noqa: SIM905
_PARTICIPLES = frozenset(
    """begun bought broken brought built chosen cut done drawn driven found given gone got held kept laid led left lent
    let lost made meant met paid put read run said seen sent set shown sold spent spoken taken taught told understood
    won worn written""".split()  # noqa: SIM905
)
_PREPOSITIONS = frozenset(
    """about above after against at before behind below beside besides beyond by despite during except for from in
    inside into like near of off on onto outside over per since than through to toward towards under until up with
    within
    without""".split()  # noqa: SIM905
)
_ASKING = frozenset("how what when where which who whom whose why".split())  # noqa: SIM905
_MEASURES = frozenset("big early far fast high large late long many much often old soon".split())  # noqa: SIM905
_EMPTY = frozenset(
    """continue detail details elaborate else example examples exactly explain give go got happen happens know let mean
    means more please say show tell thanks thank us yes""".split()  # noqa: SIM905
)
_PERSONAL = frozenset("it they them he she him".split())  # noqa: SIM905
_POSSESSIVE = frozenset("its their theirs his her hers".split())  # noqa: SIM905
_POINTING = frozenset("this that these those".split())  # noqa: SIM905
_TIMES = frozenset(
    """century day days decade evening hour minute moment month morning quarter season spring summer time week weekend
    winter year years""".split()  # noqa: SIM905
)
_OF_ITSELF = frozenset("collection documentation handbook manual website wiki".split())  # noqa: SIM905
_JUDGED = (
    "advisable|allowed|best|better|common|compulsory|correct|difficult|easy|enough|fine|forbidden|hard|important|legal"
    "|likely|mandatory|necessary|needed|normal|ok|okay|permitted|possible|recommended|required|right|safe|true|useful"
    "|worth|wise"
)
_EMPTY_IT = re.compile(
    rf"\bit(?:['’]s)?(?: (?:is|was|be|will be|would be))?(?: (?:still|ever|always|really|also|not))*"
    rf" (?:(?:{_JUDGED})\b.{{0,40}}?\b(?:to|that|if|when|for)\b"
    r"|(?:takes?|costs?|matters?)\b.{0,40}?\b(?:to|if|when|for)\b)"
)
_ONES = frozenset("which this that first second third last other another new old same each every next".split())  # noqa: SIM905
_MAX_FRAGMENT_WORDS = 6


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case; ``names``: it is none of the words that every text has; ``clause`` counts from 0."""

    text: str
    names: bool
    clause: int


def leans_on_talk(question: str) -> bool:
    """Say whether the question cannot stand alone."""
    words = words_of(question)
    lower = " ".join(word.text for word in words)
    return (
        _goes_on(question, lower)
        or not any(word.names for word in words)
        or _is_fragment(words)
        or any(_points_back(words, at, lower) for at in range(len(words)))
    )


def says_of_it(question: str) -> bool:
    """Say whether a question says something itself of what it points back at: "where are those *stored*?"."""
    words = words_of(question)
    lower = " ".join(word.text for word in words)
    return any(word.names for word in words) and any(_points_back(words, at, lower) for at in range(len(words)))


def without_predicate(words: Sequence[Word]) -> list[Word]:
    """Return a question's words without what it says of its subject: "are backups *kept*", "who *approves* trips".

    Seen are participles behind a form of "be" or "have", and the word behind "who"; other verbs look like nouns.
    """
    left: list[Word] = []
    passive = -1
    for at, word in enumerate(words):
        before = words[at - 1] if at else None
        is_participle = word.clause == passive and (word.text.endswith("ed") or word.text in _PARTICIPLES)
        if word.text in _BE_HAVE:
            passive = word.clause
        if not is_participle and not (before is not None and before.text == "who"):
            left.append(word)
    return left


def words_of(text: str) -> list[Word]:
    """Return a text's words in order, each with its clause."""
    found: list[Word] = []
    clause = end = 0
    for match in _WORD.finditer(text):
        word = _SUFFIX.sub("", match.group()).lower().replace("’", "'")
        if found and (_PAUSE.search(text, end, match.start() + 1) or word in _BREAKS):
            clause += 1
        measure = word in _MEASURES and bool(found) and found[-1].text == "how"
        names = not measure and word not in _EMPTY and word not in _AUXILIARIES and bool(analyze(word))
        found.append(Word(word, names and word not in _OPENERS, clause))
        end = match.end()
    return found


def _goes_on(question: str, lower: str) -> bool:
    first = _WORD.search(question)
    if first is None:
        return False
    begins = first.group().lower() in _OPENERS and not (first.group().isupper() and len(first.group()) > 1)
    return begins or lower.startswith(_OPENINGS)


def _is_fragment(words: Sequence[Word]) -> bool:
    """Say whether a question is the rest of one: "who approves?", "for contractors in Germany?"."""
    texts = [word.text for word in words]
    if len(texts) == 2 and texts[0] in _ASKING and texts[0] != "what" and texts[1] not in _AUXILIARIES:
        return True
    asks = any(text in _ASKING or text in _AUXILIARIES for text in texts)
    return texts[0] in _PREPOSITIONS and not asks and len(texts) <= _MAX_FRAGMENT_WORDS


def _points_back(words: Sequence[Word], at: int, lower: str) -> bool:
    word = words[at]
    before = words[at - 1].text if at else ""
    after = words[at + 1].text if at + 1 < len(words) and words[at + 1].clause == word.clause else ""
    if word.text in _PERSONAL:
        is_empty = word.text == "it" and _EMPTY_IT.search(lower) is not None
        return not is_empty and not _named_before(words, at)
    if word.text in _POSSESSIVE:
        return not _named_before(words, at, same_clause=True)
    if word.text in _POINTING:
        following = words[at + 1].text if at + 1 < len(words) else ""
        return _is_pointing(word.text, before, following, is_first=at == 0) and not _named_before(words, at)
    if word.text in {"one", "ones"}:
        return before in _ONES and (not after or after in _AUXILIARIES) and not _named_before(words, at)
    if word.text in {"former", "latter"}:
        return before == "the" and not any(follower.names for follower in words[at + 1 : at + 2])
    if word.text == "same":
        rest = [follower.text for follower in words[at + 1 :]]
        return before == "the" and "as" not in rest and (not rest or rest[0] in _AFTER_SAME)
    if word.text == "such":
        return (
            before not in {"as", "no"} and after not in {"", "as", "a", "an", "that"} and not _named_before(words, at)
        )
    if word.text == "there":
        return not after and before not in _AUXILIARIES and at > 0 and not _named_before(words, at)
    if word.text in {"instead", "otherwise"}:
        return after != "of" and not _named_before(words, at)
    return False


_NARROWING = frozenset("who which whose of with that".split())  # noqa: SIM905
_AFTER_SAME = frozenset("for true apply applies in with on go goes hold holds here".split())  # noqa: SIM905


def _is_pointing(word: str, before: str, after: str, *, is_first: bool) -> bool:
    """Say whether "this", "that", "these" or "those" stand for something said before."""
    if after in _TIMES or after in _OF_ITSELF:
        return False
    if word in {"those", "that"} and after in _NARROWING:
        return False
    if word == "that":  # behind a noun or a verb it begins a clause of its own: "ensure that backups run"
        return is_first or not after or before in _AUXILIARIES or before in _PREPOSITIONS or before in _BREAKS
    return True


def _named_before(words: Sequence[Word], at: int, *, same_clause: bool = False) -> bool:
    """Say whether the question itself names something that the word at ``at`` can mean."""
    clause = words[at].clause
    return any(word.names and (same_clause or word.clause < clause) for word in words[:at])
