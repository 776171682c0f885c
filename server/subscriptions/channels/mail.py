"""E-mail: a line of text, and the notification as an attachment (RFC 5322).

Subject and text say nothing of what happened: they are shown where anybody may look. A mail that the server takes counts as delivered.
"""

from __future__ import annotations

from email.message import EmailMessage

from profiles.json import Resource
from server.mail import MailError, deliver
from server.subscriptions.channels.channel import NotTakenError, encoded
from server.subscriptions.records import Wanted


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
        await deliver(server, message, wanted.timeout)
    except MailError as error:
        raise NotTakenError(str(error)) from error
