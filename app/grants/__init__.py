"""What people gave us: sealed, refreshed once, revoked surely."""
