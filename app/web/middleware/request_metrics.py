"""Counts requests by route: the rule of it, never the address, which holds ids and codes."""

from quart import Response, request

from app import metrics
from app.web.context import Dashboard
from app.web.middleware.request_log import current_route


def count_requests(app: Dashboard) -> None:
    @app.after_request
    async def count(response: Response) -> Response:
        status = str(response.status_code)
        metrics.REQUESTS.labels(request.method, current_route(), status).inc()
        return response
