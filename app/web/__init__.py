"""HTTP requests: pages, fragments, the stream, middleware. The only package with Quart."""
