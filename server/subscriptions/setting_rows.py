"""The settings of subscriptions and of the mail server, for the table of all (server/setting_rows.py)."""

from __future__ import annotations

from typing import Final

from server import setting_values as kinds
from server.setting import Setting

SUBSCRIPTION_SETTINGS: Final = (
    Setting(
        "ASSENT_SUBSCRIPTIONS_PER_CALLER",
        "subscriptions_per_caller",
        "100",
        "How many Subscriptions that are not off a caller may have; more are answered with 429.",
        kinds.whole_number(0, 10_000),
    ),
    Setting(
        "ASSENT_SUBSCRIPTIONS_PER_TENANT",
        "subscriptions_per_tenant",
        "1000",
        "The same for all callers of a tenant together.",
        kinds.whole_number(0, 100_000),
    ),
    Setting(
        "ASSENT_SUBSCRIPTION_RETRY",
        "subscription_retry",
        str(26 * 3600),
        "Seconds for which a notification is sent again and again to an endpoint that does not take it; then the Subscription has "
        "failed.",
        kinds.whole_number(60, 30 * 24 * 3600),
    ),
    Setting(
        "ASSENT_SUBSCRIPTION_EVENT_DAYS",
        "subscription_event_days",
        "30",
        "Days for which an event can be asked for, and sent once more.",
        kinds.whole_number(1, 3650),
    ),
    Setting(
        "ASSENT_SMTP",
        "smtp",
        "",
        "The mail server that notifications and invitations are sent through, as `smtps://user:password@host:port`, `smtp+starttls://...` or, "
        "within the house, `smtp://...`; without it there is no e-mail channel.",
        kinds.mail_server,
    ),
    Setting(
        "ASSENT_SMTP_FROM",
        "smtp_from",
        "",
        "The address that such mail comes from.",
        kinds.mail_address,
    ),
)
