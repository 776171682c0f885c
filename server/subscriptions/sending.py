"""Sends one notification by the channel of its subscription."""

from __future__ import annotations

from dataclasses import dataclass

from profiles.json import Resource
from server.config import Settings
from server.outgoing import Outgoing
from server.subscriptions.channels import mail, rest_hook
from server.subscriptions.channels.channel import NotTakenError
from server.subscriptions.records import Subscribed


@dataclass(frozen=True, slots=True)
class Sender:
    outgoing: Outgoing
    settings: Settings

    async def send(self, subscribed: Subscribed, bundle: Resource) -> None:
        """Raises NotTakenError. A websocket takes for itself (server/subscriptions/socket.py)."""
        wanted = subscribed.wanted
        if wanted.channel == "rest-hook":
            await rest_hook.send(self.outgoing, wanted, bundle)
        elif wanted.channel == "email":
            if not self.settings.smtp or not self.settings.smtp_from:
                raise NotTakenError("This server sends no e-mail.")
            address = f"{subscribed.base}/Subscription/{subscribed.id}"
            await mail.send(self.settings.smtp, self.settings.smtp_from, wanted, bundle, address)
