"""A switch turned on, acted out: late, wrong or no answers."""

import asyncio
import contextlib
from collections.abc import Set as AbstractSet

from quart import Response, abort, jsonify

from app.sandbox._app import sandbox
from app.sandbox.catalogue import Account, SandboxClient
from app.sandbox.faults import ANYBODY, Endpoint, Fault, Mode

BODIES = {
    Mode.ERROR: (503, 0, "Service temporarily unavailable"),
    Mode.TIMEOUT: (503, 0, "Nobody waited so long"),
    Mode.RATE_LIMITED: (429, 0, "Превышено максимальное количество запросов в текущем периоде"),
    Mode.DENIED: (403, 0, "У приложения нет разрешения на это действие"),
    Mode.UNPAID: (402, 1004, "Приложение не установлено на одно или несколько устройств"),
    Mode.UNAUTHORIZED: (401, 1001, "Ошибка авторизации приложения"),
}
GARBAGE = "<!doctype html><title>Вход в сеть</title><h1>Добро пожаловать в гостевую сеть</h1>"


async def misbehave(
    endpoint: Endpoint,
    client: SandboxClient | None,
    account: Account | None,
    among: AbstractSet[Mode],
) -> None:
    """Returns when there is nothing wrong (any more), else aborts with what is to be sent."""
    subject = account.id if account else client.id if client else ANYBODY
    fault = sandbox().faults.of(endpoint, subject)
    mode = fault.current
    if mode not in among:
        return
    fault.strike()
    if mode is Mode.SLOW:
        await _pass_time(sandbox().settings.slow_seconds)
        return
    if mode is Mode.TIMEOUT:  # a client that goes away cancels this
        await _pass_time(sandbox().settings.hang_seconds)
    abort(_answer(endpoint, fault, mode))


def refusal(status: int, code: int, reason: str) -> Response:
    """The shape of Evotor's errors, as far as it is documented."""
    answer = jsonify(errors=[{"code": code, "reason": reason} if code else {"reason": reason}])
    answer.status_code = status
    return answer


async def _pass_time(seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sandbox().stopping.wait(), seconds)


def _answer(endpoint: Endpoint, fault: Fault, mode: Mode) -> Response:
    if mode is Mode.GARBAGE:
        return Response(GARBAGE, 200, content_type="text/html; charset=utf-8")
    if mode is Mode.UNAUTHORIZED and endpoint is not Endpoint.API:
        answer = jsonify(error="invalid_client", error_description="switched off")
        answer.status_code = 401
        answer.headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
        return answer
    answer = refusal(*BODIES[mode])
    if mode is Mode.RATE_LIMITED:
        answer.headers["Retry-After"] = str(fault.retry_after)
    if mode is Mode.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return answer
