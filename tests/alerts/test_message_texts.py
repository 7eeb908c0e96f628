"""Every message in words: what happened, since when, whose move, and one button."""

import pytest

from app.alerts.message import as_text
from app.alerts.message_texts import TEXT_OF_KIND
from app.alerts.preview import letters, write
from app.alerts.types import Kind
from app.config import MOSCOW
from app.i18n.formatting import span

URL = "https://links.example.ru"
LETTERS = letters(MOSCOW, URL)


def test_every_kind_has_its_words_and_its_example() -> None:
    assert set(TEXT_OF_KIND) == set(Kind) - {Kind.WELL}
    assert {letter.kind for letter in LETTERS.values()} == set(TEXT_OF_KIND)


@pytest.mark.parametrize("name", LETTERS)
def test_a_message_is_whole(name: str) -> None:
    letter = LETTERS[name]
    assert letter.title
    assert letter.lead
    assert letter.button.text
    assert letter.button.url.startswith(f"{URL}/")
    assert len(letter.title) < 90
    for part in ("None", "{", "}", "  "):
        assert part not in as_text(letter).replace("\n  ", "\n"), name


@pytest.mark.parametrize("name", ["revoked", "blocked-access", "blocked-payment", "reminder"])
def test_the_persons_move_is_said_to_be_theirs(name: str) -> None:
    assert LETTERS[name].move.startswith("Ваш ход.")
    assert LETTERS[name].button.url.startswith(f"{URL}/connections/")


@pytest.mark.parametrize("name", ["offline", "outage", "recovered", "flapping", "calm"])
def test_nobody_is_sent_to_repair_what_is_not_theirs(name: str) -> None:
    assert LETTERS[name].move.startswith("От вас ничего не нужно")


def test_a_recovery_says_how_long_and_by_whose_fault() -> None:
    assert LETTERS["recovered"].lead == "Снова в сети, не работало 18 минут, по вине сервиса."


def test_many_connections_are_named_up_to_a_point_and_their_proof_once() -> None:
    outage = LETTERS["outage"]
    assert len(outage.lines) == 13
    assert outage.lines[-1].name == "и ещё 12 подключений"
    assert sum(bool(line.evidence) for line in outage.lines) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59, "меньше минуты"),
        (60, "1 минуту"),
        (18 * 60, "18 минут"),
        (3600, "1 час"),
        (2 * 3600 + 5 * 60, "2 часа 5 минут"),
        (3 * 86400, "3 дня"),
    ],
)
def test_a_span_reads_as_people_say_it(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_the_preview_is_one_file_for_each_message(tmp_path_factory: pytest.TempPathFactory) -> None:
    files = write(tmp_path_factory.mktemp("preview"), MOSCOW, URL)
    assert [file.stem for file in files] == [*LETTERS, "index"]
    assert all("<" in file.read_text(encoding="utf-8") for file in files)
