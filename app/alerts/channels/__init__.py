"""The ways to a person. Each is one function: a letter and an address in, a refusal or None out."""

from app.alerts.channels import apprise, email, push, telegram, webhook
from app.alerts.channels.channel import Address, Parcel, Post, Refused, Send

SEND: dict[str, Send] = {
    "email": email.send,
    "telegram": telegram.send,
    "webhook": webhook.send,
    "push": push.send,
    "apprise": apprise.send,
}

__all__ = ["SEND", "Address", "Parcel", "Post", "Refused", "Send"]
