"""Code that runs around every request: authentication, CSRF, limits, headers, errors."""
