"""The page of alerts and its forms."""
