"""Step 7 of 7 of an alert: the channels. Each is one function from a message and an address to a
refusal or None.
"""

from app.alerts.channels import apprise, email, telegram, webhook, webpush
from app.alerts.channels.base import Address, DeliveryRefused, Parcel, Post, Send

SEND: dict[str, Send] = {
    "email": email.send,
    "telegram": telegram.send,
    "webhook": webhook.send,
    "push": webpush.send,
    "apprise": apprise.send,
}

__all__ = ["SEND", "Address", "DeliveryRefused", "Parcel", "Post", "Send"]
