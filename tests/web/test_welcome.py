"""What a stranger may read, and what it costs."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.alerts import channel_settings
from app.config import read_settings
from app.errors import ConfigurationError
from app.models.account import User
from app.web import markdown, welcome
from app.web.connections.labels import STATUS
from app.web.context import Dashboard
from tests.support.people import Person
from tests.web.accounts.test_settings import body


async def test_a_stranger_sees_what_this_is_with_a_board_that_breaks_and_heals(
    dashboard: Dashboard,
) -> None:
    answer = await dashboard.test_client().get("/")
    page = await body(answer)
    assert answer.status_code == 200
    scenes = [part.split('"')[0] for part in page.split('data-status="')[1:]]
    assert scenes == ["online", "offline", "online", "online", "online"]
    assert "Пример" in page
    outside = page.replace(page.partition(" inert>")[2].partition("</section>")[0], "")
    assert 'class="card' not in outside, "nothing on a picture can be pressed"


async def test_a_person_comes_to_their_connections(person: Person) -> None:
    answer = await person.client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections")


async def test_who_signs_up_can_read_first_what_is_stored(dashboard: Dashboard) -> None:
    stranger = dashboard.test_client()
    assert 'href="/privacy"' in await body(await stranger.get("/signup"))
    assert "Что мы храним о вас</h1>" in await body(await stranger.get("/privacy"))


async def test_the_operator_s_own_text_takes_its_place(
    dashboard: Dashboard, tmp_path: Path
) -> None:
    file = tmp_path / "own.md"
    file.write_text("# Наши правила\n\nОтвечает ООО <b>Ромашка</b>.", encoding="utf-8")
    settings = read_settings({"PRIVACY_FILE": str(file)}, ())
    assert settings.privacy_file == file
    heading, text = welcome._read(file)
    assert heading == "Наши правила"
    assert "ООО &lt;b&gt;Ромашка" in text


def test_a_file_that_is_none_is_told_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PRIVACY_FILE wants a file"):
        read_settings({"PRIVACY_FILE": str(tmp_path / "missing.md")}, ())


async def test_how_to_use_it_is_one_text(dashboard: Dashboard) -> None:
    page = await body(await dashboard.test_client().get("/help"))
    for line in welcome.HELP.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            assert f"<h2>{line.removeprefix('## ')}</h2>" in page


def test_every_status_is_explained_by_the_word_on_its_card() -> None:
    text = welcome.HELP.read_text(encoding="utf-8")
    assert [each.text for each in STATUS.values() if f"«{each.text}»" not in text] == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One\nand text", "<h1>One</h1>\n<p>and text</p>"),
        ("two\nlines", "<p>two lines</p>"),
        (
            "- a **b**\n  goes on\n- `c`",
            "<ul><li>a <b>b</b> goes on</li><li><code>c</code></li></ul>",
        ),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("[here](/help)", '<p><a class="link" href="/help">here</a></p>'),
        ("[here](javascript:alert(1))", "<p>[here](javascript:alert(1))</p>"),
        ('[x](/" onclick="y)', "<p>[x](/&#34; onclick=&#34;y)</p>"),
        ("<script>", "<p>&lt;script&gt;</p>"),
    ],
)
def test_a_small_part_of_markdown(text: str, html: str) -> None:
    assert markdown.html_of(text) == html


async def test_the_first_start_is_three_steps_and_the_last_stays_until_somebody_can_be_reached(
    person: Person,
) -> None:
    page = await person.page()
    for step in ("Выберите сервис", "Подключите его", "Скажите, куда предупредить"):
        assert f"<h3>{step}</h3>" in page
    assert "last-step" not in page
    await person.connect()
    assert 'id="last-step"' in await person.page()
    async with person.app.database.sessions.begin() as session:
        user_id = (await session.scalars(select(User.id))).one()
        await channel_settings.add_webhook(session, person.app.keys, user_id, "https://a.example/")
    assert 'id="last-step"' not in await person.page()
