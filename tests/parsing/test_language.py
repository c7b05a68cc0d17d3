import pytest

from rag_core.parsed import ParsedDocument
from resources.clients.parsing.language import language_of, with_language

SENTENCES = {
    "en": "The ferry leaves the harbour at seven and comes back before noon, which is not late for a boat with sails.",
    "de": "Die Fähre verlässt den Hafen um sieben und kommt vor dem Mittag zurück, was für ein Boot nicht spät ist.",
    "fr": "Le ferry quitte le port à sept heures et il revient avant midi, ce qui est tôt.",
    "es": "El barco sale del puerto a las siete y vuelve antes de las doce, lo que no es tarde para una mujer.",
    "it": "Il traghetto lascia il porto alle sette e torna prima di sera, che non è tardi per la gente del mare.",
    "pt": "O barco sai do porto às sete e volta antes do meio-dia, o que não é tarde para os homens do mar.",
    "nl": "De veerboot verlaat de haven om zeven uur en is voor de middag terug, dat is niet laat voor een boot.",
    "ru": "Паром уходит из порта в семь и возвращается до полудня, и это не поздно для моряков.",
    "ja": "フェリーは七時に港を出て、正午までに戻ってきます。",
    "ko": "페리는 일곱 시에 항구를 떠나 정오 전에 돌아옵니다. 바다는 조용합니다.",
    "zh": "渡轮七点离开港口，中午之前返回，这对水手来说并不算晚，因为他们每天都这样做。",
    "el": "Το πλοίο φεύγει από το λιμάνι στις επτά και επιστρέφει πριν από το μεσημέρι.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_languages_are_told_by_script_and_small_words(language: str) -> None:
    assert language_of(SENTENCES[language]) == language


@pytest.mark.parametrize("text", ["", "Oslund", "x = 1; y = 2", "12 | 13 | 14\nVik | Ny | Havn | Oslo | Bergen | Moss"])
def test_no_language_is_better_than_a_wrong_one(text: str) -> None:
    assert language_of(text) is None


def test_stated_language_wins_and_is_shortened() -> None:
    def of(**metadata: str) -> object:
        document = ParsedDocument(text=SENTENCES["en"], title="", media_type="", parser="", metadata=dict(metadata))
        return with_language(document).metadata.get("language")

    assert of(language="de-AT") == "de"
    assert of(lang="fr") == "fr"
    assert of(language="plain English, mostly") == "plain English, mostly"
    assert of() == "en"
