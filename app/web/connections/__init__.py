"""Pages of connections and providers."""
