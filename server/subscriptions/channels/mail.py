"""E-mail through the house's mail server (RFC 5321, RFC 5322): a line of text, and the notification as an attachment.

Subject and text say nothing of what happened: they are shown where anybody may look. A mail that the server takes counts as delivered.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

from profiles.json import Resource
from server.subscriptions.channels.channel import NotTakenError, encoded
from server.subscriptions.records import Wanted

PORTS: Final = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}


async def send(server: str, sender: str, wanted: Wanted, bundle: Resource, subscription: str) -> None:
    """`server` is the setting ASSENT_SMTP. Raises NotTakenError."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = wanted.endpoint.removeprefix("mailto:")
    message["Subject"] = "Notification of a FHIR Subscription"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"This notification belongs to {subscription}. It is attached.\n")
    main, _, sub = wanted.media.partition("/")
    name = f"notification.{'xml' if 'xml' in sub else 'json'}"
    message.add_attachment(encoded(bundle, wanted.media), maintype=main, subtype=sub, filename=name)
    try:
        await asyncio.to_thread(_deliver, server, message, wanted.timeout)
    except (smtplib.SMTPException, OSError) as error:
        raise NotTakenError("The mail server did not take the message.") from error


def _deliver(server: str, message: EmailMessage, seconds: float) -> None:
    parts = urlsplit(server)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
    else:
        connection = smtplib.SMTP(host, port, timeout=seconds)
    with connection:
        if parts.scheme == "smtp+starttls":
            connection.starttls(context=context)
        if parts.username is not None:
            connection.login(unquote(parts.username), unquote(parts.password or ""))
        connection.send_message(message)
