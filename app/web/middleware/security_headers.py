"""Security headers on every answer."""

from quart import Response

from app.web.context import Dashboard


def add_headers(app: Dashboard) -> None:
    policy = content_security_policy(app)

    @app.after_request
    async def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if app.settings.secure_cookies:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        # What a signed-in person saw must not come back from a cache after log-out.
        headers.setdefault("Cache-Control", "no-store")
        return response


def content_security_policy(app: Dashboard) -> str:
    """Everything from our own origin, nothing inline. Some forms are answered with a redirect to a
    provider, and Chromium applies `form-action` to redirects as well, so providers are listed
    there.
    """
    offered = [each for each in app.catalogue.values() if each.configured]
    providers = {origin for each in offered for origin in each.authorization_origins}
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            " ".join(["form-action 'self'", *sorted(providers)]),
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types htmx push",
        ]
    )
