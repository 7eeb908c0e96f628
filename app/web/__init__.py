"""Everything that knows HTTP requests: pages, fragments, the stream, and the words on them."""
