"""E-mail through the house's mail server (RFC 5321), which the setting ASSENT_SMTP names."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

PORTS: Final = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}


class MailError(Exception):
    """The mail server did not take the message."""


async def deliver(server: str, message: EmailMessage, seconds: float) -> None:
    """`server` is the setting ASSENT_SMTP; each step may take so many seconds. Raises MailError."""
    try:
        await asyncio.to_thread(_deliver, server, message, seconds)
    except (smtplib.SMTPException, OSError) as error:
        raise MailError("The mail server did not take the message.") from error


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
