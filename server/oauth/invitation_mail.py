"""The link of an invitation by e-mail, where the operator named a mail server and the account has an address.

Whoever has the link chooses the password, so it goes to that address alone. Nothing of any patient, role or practice is in it.
"""

from __future__ import annotations

from email.message import EmailMessage
from typing import Final, Literal

from server.accounts.account import Account
from server.config import Settings
from server.mail import MailError, deliver

SECONDS: Final = 10.0
Outcome = Literal["", "sent", "failed"]
"""Empty: there is no mail server, or no address."""

TEXT: Final = """Somebody who administers accounts of Assent asks you to choose a password:

{link}

The link is good once, for {days} days. Your name to sign in with is {name}.
If you do not know what this is about, do nothing.
"""


async def send_link(settings: Settings, account: Account, link: str) -> Outcome:
    """`link` is the whole address. The invitation holds whatever becomes of the mail."""
    if not settings.smtp or not settings.smtp_from or not account.email:
        return ""
    message = EmailMessage()
    message["From"] = settings.smtp_from
    message["To"] = account.email
    message["Subject"] = "Choose a password"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(TEXT.format(link=link, days=settings.invitation_days, name=account.name))
    try:
        await deliver(settings.smtp, message, SECONDS)
    except MailError:
        return "failed"
    return "sent"
