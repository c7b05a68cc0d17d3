"""The language a document is written in: what it states, else what its script or its most common small words say.

Function words (articles, conjunctions, prepositions) tell languages apart on a paragraph of text, cost no model and
no dependency; where they are too few or two languages come close, no language is better than a wrong one.
"""

import re
from collections import Counter
from dataclasses import replace
from typing import Final

from rag_core.parsed import ParsedDocument

_SAMPLE_CHARS = 20_000
_MIN_LETTERS = 20
_MIN_SMALL_WORDS = 5
_MIN_DIFFERENT = 4
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-]{1,30})?")
_WORD = re.compile(r"[^\W\d_]+")

_SMALL_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that for it with as was on are be by this from at not or have an which you",
        "de": "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus",
        "fr": "le la les et des en une du dans qui que est pour pas au sur avec ce il sont par plus ne ou",
        "es": "el la los y de que en las del se un por con para una es no al lo como más su sus pero",
        "it": "il di che e la per un è in non una del della sono con si dei da le come anche gli nel alla",
        "pt": "o de que e do da em um para é com não uma os no se na por mais as dos como mas ao das",
        "nl": "de het een en van in is dat op te zijn met voor niet aan er om ook als dan bij door naar",
        "sv": "och att det som en på är av för med den till inte om ett har de jag ska från kan så eller",
        "da": "og at det som en på er af for med den til ikke om et har de jeg skal fra kan så eller blev",
        "nb": "og å det som en på er av for med den til ikke om et har de jeg skal fra kan så eller ble",
        "fi": "ja on ei se että oli hän en ole mutta tämä kun niin myös ovat joka sen kuin tai voi vain mukaan",
        "pl": "i w na z do nie się jest że to o jak po od za przez dla oraz są ale czy był jego tym",
        "cs": "a v se na je že s z do o to i k jako za by ale pro si po jsou který které nebo při",
        "hu": "a az és hogy nem egy is ez meg de csak mint volt már vagy ha még el van lehet ki majd",
        "ro": "și în de la a cu pe nu care este din că un o mai pentru sau dar prin fost sunt au ca",
        "tr": "ve bir bu da de için ile olarak çok daha ne gibi olan en var mi ama kadar ya sonra her o",
        "id": "yang dan di dengan untuk ini dari dalam adalah pada tidak itu akan ke oleh atau juga dapat sebagai",
        "vi": "và của là có được cho trong không với các một những này người khi đã để từ tôi cũng",
        "ru": "и в не на что с по как это к из у за от для его но она так же был они мы или",
        "uk": "і в не на що з та до як це у за від для його але вона так він є або був про ми",
        "bg": "и на в за от се с да не по са е като до че към този която или при",
        "ar": "في من على إلى أن هذا التي الذي عن مع ما لا كان هذه بين كل أو ذلك و",
        "fa": "و در به از که این را با است برای آن یک خود تا شود بر هم می کرد شد های",
        "ur": "کے میں کی ہے اور سے کا کو نے پر اس کہ یہ ہیں بھی ایک تھا",
        "hi": "के में की है और से का को पर इस कि यह हैं भी एक था ने लिए",
        "mr": "आहे आणि या व तो ते हे नाही होते आहेत मध्ये",
    }.items()
}
_SCRIPTS: Final = (
    ("ja", re.compile("[\u3041-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("th", re.compile("[\u0e01-\u0e5b]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("ka", re.compile("[\u10a0-\u10ff]")),
    ("hy", re.compile("[\u0531-\u0587]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("te", re.compile("[\u0c00-\u0c7f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
)


def with_language(document: ParsedDocument) -> ParsedDocument:
    """Return the document with ``language`` in its metadata (two or three letters), where there is one to say."""
    stated = document.metadata.get("language") or document.metadata.get("lang")
    tag = _TAG.fullmatch(stated.strip()) if isinstance(stated, str) else None
    if isinstance(stated, str) and "language" in document.metadata and tag is None:
        return document  # a word of the author's own: kept as it is
    language = tag.group(1).lower() if tag is not None else language_of(document.text)
    if language is None:
        return document
    return replace(document, metadata={**document.metadata, "language": language})


def language_of(text: str) -> str | None:
    """Return the language of a text, or None if it is too short or two languages come too close."""
    sample = text if len(text) <= _SAMPLE_CHARS else text[: _SAMPLE_CHARS // 2] + text[-_SAMPLE_CHARS // 2 :]
    words = [word.casefold() for word in _WORD.findall(sample)]
    letters = sum(map(len, words))
    if letters < _MIN_LETTERS:
        return None
    for language, script in _SCRIPTS:
        # Japanese mixes in Chinese characters, and everybody mixes in Latin names.
        if len(script.findall(sample)) > (0.1 if language == "ja" else 0.3) * letters:
            return language
    counts = Counter(words)
    scores = Counter({language: sum(counts[word] for word in known) for language, known in _SMALL_WORDS.items()})
    (best, most), (_, second) = scores.most_common(2)
    different = sum(1 for word in _SMALL_WORDS[best] if len(word) > 1 and word in counts)
    is_sure = most >= _MIN_SMALL_WORDS and most >= 0.08 * len(words) and most > 1.1 * second
    return best if is_sure and different >= _MIN_DIFFERENT else None
