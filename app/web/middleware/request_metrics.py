"""Counts requests by route: the rule of it, never the address, which holds ids and codes."""

from quart import Response, request

from app import metrics
from app.web.context import Dashboard


def count_requests(app: Dashboard) -> None:
    @app.after_request
    async def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        metrics.REQUESTS.labels(request.method, route, str(response.status_code)).inc()
        return response
