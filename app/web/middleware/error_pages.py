"""Error pages for browsers, plain text for htmx, JSON for programs."""

import logging

from quart import jsonify, render_template, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException

from app.database.availability import is_away, name_of
from app.i18n.formatting import time_to_wait
from app.logging import LogEvent, request_id
from app.web.context import Dashboard
from app.web.middleware.request_log import current_route

log = logging.getLogger(__name__)

TEXTS = {
    400: ("Не получилось разобрать запрос", "Вернитесь назад и попробуйте ещё раз."),
    403: ("Запрос отклонён", "Он пришёл не с нашей страницы. Откройте её и повторите."),
    404: ("Такой страницы нет", "Возможно, подключение уже отключили или в адресе опечатка."),
    405: ("Так сюда нельзя", "Откройте страницу по ссылке или кнопке."),
    409: ("Сейчас так нельзя", "Обновите страницу и попробуйте ещё раз."),
    410: ("Уже поздно", "Срок действия закончился."),
    413: ("Слишком большой запрос", "Столько данных мы не принимаем."),
    429: ("Слишком часто", "Подождите немного и попробуйте снова."),
    500: ("Что-то сломалось у нас", "Мы уже записали ошибку. Попробуйте через минуту."),
    503: ("Ненадолго недоступно", "База данных не отвечает. Попробуйте через минуту."),
}

TO_CONNECTIONS = "/connections", "К подключениям"  # address and text of the page's button


class RequestRefused(BadRequest):
    """400 for a query string that cannot be served; `text` tells people what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def handle_errors(app: Dashboard) -> None:
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_surprise)


async def too_many(wait: int, more: str = "") -> ResponseReturnValue:
    """429 with the time to wait, in seconds, and what else one may do."""
    text = f"Попробуйте снова через {time_to_wait(wait)}. {more}".rstrip()
    body, status, headers = await error_page(429, text)
    return body, status, headers | {"Retry-After": str(wait)}


def is_for_program() -> bool:
    return request.accept_mimetypes.best == "application/json"


async def error_page(
    code: int, text: str = "", action: tuple[str, str] = TO_CONNECTIONS
) -> tuple[str, int, dict[str, str]]:
    title, usual = TEXTS.get(code, TEXTS[400 if code < 500 else 500])
    if is_for_program():
        answer = jsonify(error=title, text=text or usual, request_id=request_id.get())
        return await answer.get_data(as_text=True), code, {"Content-Type": "application/json"}
    if request.headers.get("HX-Request"):  # it would put a whole page into this one
        return _said(code, text or usual), code, {"Content-Type": "text/plain; charset=utf-8"}
    page = await render_template(
        "errors/error.html",
        code=code,
        title=title,
        text=text or usual,
        request_id=request_id.get(),
        action_url=action[0],
        action_text=action[1],
    )
    return page, code, {}


def _said(code: int, text: str) -> str:
    """With the number of the request where it has a line in the log that says more."""
    return text if code < 500 else f"{text} Номер запроса: {request_id.get()}"


async def _on_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    return await error_page(error.code, error.text if isinstance(error, RequestRefused) else "")


async def _on_surprise(error: Exception) -> ResponseReturnValue:
    if is_away(error):
        log.warning(_event("no_database", error=name_of(error)))
        return await error_page(503)
    log.error(_event("request_failed"), exc_info=error)
    return await error_page(500)


def _event(name: str, **fields: object) -> LogEvent:
    return LogEvent(name, method=request.method, route=current_route(), **fields)
