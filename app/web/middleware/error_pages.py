"""Error pages for browsers, plain text for htmx, JSON for programs."""

import logging

from quart import jsonify, render_template, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException

from app.database.availability import is_away, name_of
from app.i18n.formatting import time_to_wait
from app.web.context import Dashboard

log = logging.getLogger(__name__)

TEXTS = {
    400: ("Не получилось разобрать запрос", "Вернитесь назад и попробуйте ещё раз."),
    403: ("Запрос отклонён", "Он пришёл не с нашей страницы. Откройте её и повторите."),
    404: ("Такой страницы нет", "Возможно, подключение уже отключили или в адресе опечатка."),
    405: ("Так сюда нельзя", "Откройте страницу по ссылке или кнопке."),
    413: ("Слишком большой запрос", "Столько данных мы не принимаем."),
    429: ("Слишком часто", "Подождите немного и попробуйте снова."),
    500: ("Что-то сломалось у нас", "Мы уже записали ошибку. Попробуйте через минуту."),
    503: ("Ненадолго недоступно", "База данных не отвечает. Попробуйте через минуту."),
}


class RequestRefused(BadRequest):
    """400 for a query string that cannot be served; `text` tells people what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def handle_errors(app: Dashboard) -> None:
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_surprise)


async def too_many(wait: int) -> ResponseReturnValue:
    """429 with the time to wait, in seconds."""
    body, status, headers = await error_page(429, f"Попробуйте снова через {time_to_wait(wait)}.")
    return body, status, headers | {"Retry-After": str(wait)}


async def error_page(code: int, text: str = "") -> tuple[str, int, dict[str, str]]:
    title, usual = TEXTS.get(code, TEXTS[400 if code < 500 else 500])
    if request.accept_mimetypes.best == "application/json":
        answer = jsonify(error=title, text=text or usual)
        return await answer.get_data(as_text=True), code, {"Content-Type": "application/json"}
    if request.headers.get("HX-Request"):  # it would put a whole page into this one
        return text or usual, code, {"Content-Type": "text/plain; charset=utf-8"}
    page = await render_template(
        "errors/error.html",
        code=code,
        title=title,
        text=text or usual,
        action_url="/connections",
        action_text="К подключениям",
    )
    return page, code, {}


async def _on_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    return await error_page(error.code, error.text if isinstance(error, RequestRefused) else "")


async def _on_surprise(error: Exception) -> ResponseReturnValue:
    if is_away(error):
        log.warning("%s %s: no database (%s)", request.method, request.path, name_of(error))
        return await error_page(503)
    # The path only: a query may hold a code or a state.
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return await error_page(500)
