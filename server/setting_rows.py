"""The table of settings: for each, its environment variable, its default, its meaning, and how its text is read.

server/config.py makes the settings from it, and docs/configuration.md is generated from it.
"""

from __future__ import annotations

from typing import Final

from server import setting_values as kinds
from server.setting import Setting
from server.setting_values import EMBEDDED
from server.subscriptions.setting_rows import SUBSCRIPTION_SETTINGS

LONGEST_ACCESS_TOKEN: Final = 3600
"""Seconds for which a token of the authorization server lives, whatever the setting was when it was issued."""

MAXIMUM_TOKEN_LIFETIME: Final = 366 * 24 * 3600
"""Seconds. A token that outlives this is a password."""


SETTINGS: Final = (
    Setting("ASSENT_HOST", "host", "127.0.0.1", "Address to listen on; `0.0.0.0` for every interface.", kinds.host),
    Setting("ASSENT_PORT", "port", "8080", "Port to listen on.", kinds.whole_number(1, 65535)),
    Setting(
        "ASSENT_DATA",
        "data",
        "assent-data",
        "Folder that holds the store and the keys; one server at a time may use it. A relative path starts at the "
        "working directory.",
        kinds.folder,
    ),
    Setting(
        "ASSENT_SAMPLE", "sample", "1", "`0` or `false` starts an empty store without the synthetic practice.", kinds.flag
    ),
    Setting(
        "ASSENT_STORE",
        "store",
        EMBEDDED,
        "Where the data is kept: `embedded` is SQLite in the data folder; `mongodb://host:27017/assent?replicaSet=rs0` is "
        "MongoDB 6 or later as a replica set (docs/store.md).",
        kinds.store,
    ),
    Setting(
        "ASSENT_BASE_URL",
        "base_url",
        "",
        "Address under which callers reach the server, when it is not `http://ASSENT_HOST:ASSENT_PORT` (behind a proxy).",
        kinds.base_url,
    ),
    Setting(
        "ASSENT_MAX_BODY", "max_body", str(50 * 2**20), "Largest request body, in bytes.", kinds.whole_number(1024, 2**31)
    ),
    Setting(
        "ASSENT_MAX_REQUESTS",
        "max_requests",
        "1000",
        "How many requests may be under way together; more are answered with 503.",
        kinds.whole_number(1, 100_000),
    ),
    Setting(
        "ASSENT_JOBS_PER_CALLER",
        "jobs_per_caller",
        "10",
        "How many requests with `Prefer: respond-async` of one caller may wait or be under way; more are answered with 429.",
        kinds.whole_number(1, 10_000),
    ),
    Setting(
        "ASSENT_JOBS_PER_TENANT",
        "jobs_per_tenant",
        "200",
        "The same for all callers of a tenant together.",
        kinds.whole_number(1, 100_000),
    ),
    Setting(
        "ASSENT_JOB_RESULT_TTL",
        "job_result_ttl",
        str(24 * 3600),
        "Seconds for which the result of such a request, or the reason of its failure, can be fetched.",
        kinds.whole_number(60, 366 * 24 * 3600),
    ),
    Setting(
        "ASSENT_JOB_RESULT_BYTES",
        "job_result_bytes",
        str(64 * 2**20),
        "Largest such result. Of a batch, answers beyond it are told without their resources.",
        kinds.whole_number(1024, 2**31),
    ),
    Setting(
        "ASSENT_BULK_SETTLE",
        "bulk_settle",
        "5",
        "Seconds that an export waits before it begins, so that writes which were under way at its moment are in it. As long as the "
        "longest commit takes; more where files are loaded beside exports.",
        kinds.whole_number(0, 3600),
    ),
    Setting(
        "ASSENT_BULK_FILE_BYTES",
        "bulk_file_bytes",
        str(64 * 2**20),
        "From so many bytes on, an export begins another file for the same type of resource.",
        kinds.whole_number(1024, 2**31),
    ),
    Setting(
        "ASSENT_JOB_LEASE",
        "job_lease",
        "30",
        "Seconds after which another server goes on with the job of one that fell silent.",
        kinds.whole_number(2, 3600),
    ),
    *SUBSCRIPTION_SETTINGS,
    Setting(
        "ASSENT_DISK_RESERVE",
        "disk_reserve",
        str(64 * 2**20),
        "Bytes that the embedded store leaves free on its disk: when less is free, changes are answered with 507, and what is "
        "left is for the audit records of reads.",
        kinds.whole_number(0, 2**40),
    ),
    Setting(
        "ASSENT_MAX_DOCUMENT",
        "max_document",
        str(50 * 2**20),
        "Largest content of a Binary or an attachment, in bytes. What is sent in JSON is limited by `ASSENT_MAX_BODY` as well.",
        kinds.whole_number(1024, 2**38),
    ),
    Setting(
        "ASSENT_DOCUMENT_TYPES",
        "document_types",
        "",
        "Content types that Binary and attachments may have, separated by commas; empty for the list in docs/documents.md. "
        "A type that begins with `+` is taken besides those of the list.",
        kinds.content_types,
    ),
    Setting(
        "ASSENT_LINK_SECONDS",
        "link_seconds",
        "900",
        "Longest time for which a signed download link is good.",
        kinds.whole_number(1, 24 * 3600),
    ),
    Setting(
        "ASSENT_LOG_LEVEL",
        "log_level",
        "info",
        "Least level that is logged: `debug`, `info`, `warning` or `error`. Requests are logged at `info`.",
        kinds.one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        "ASSENT_UNKNOWN_PAYER",
        "unknown_payer",
        "review",
        "What becomes of a request to an insurer that the server does not know: `review` pends it (see "
        "`ASSENT_REVIEW_OUTCOME`), "
        "`refuse` answers with an error.",
        kinds.one_of("review", "refuse"),
    ),
    Setting(
        "ASSENT_SCENARIOS",
        "scenarios",
        "auto",
        "Whether a tester may ask the built-in payer for a given answer: `on`, `off`, or `auto` (only payers that are "
        "marked for it, as those of the synthetic practice are).",
        kinds.one_of("auto", "on", "off"),
    ),
    Setting(
        "ASSENT_REVIEW_OUTCOME",
        "review_outcome",
        "auto",
        "How the built-in payer, behind which nobody sits, ends a manual review: `approve`, `deny`, or `person`: never by "
        "itself. `auto` is `approve` with the synthetic practice and `person` without it.",
        kinds.one_of("auto", "approve", "deny", "person"),
    ),
    Setting(
        "ASSENT_REVIEW_SECONDS",
        "review_seconds",
        "30",
        "After how many seconds the built-in payer ends a manual review.",
        kinds.whole_number(1, 366 * 24 * 3600),
    ),
    Setting(
        "ASSENT_TOKEN_TTL",
        "token_ttl",
        str(8 * 3600),
        "Seconds for which a token of `assent token` is valid, unless `--expires` says otherwise.",
        kinds.whole_number(60, MAXIMUM_TOKEN_LIFETIME),
    ),
    Setting(
        "ASSENT_CONDITIONAL_DELETE",
        "conditional_delete",
        "single",
        "What `DELETE Type?criteria` does when several resources match: `single` refuses with 412, `multiple` deletes them "
        "all (at most 1000).",
        kinds.one_of("single", "multiple"),
    ),
    Setting(
        "ASSENT_SESSION_IDLE",
        "session_idle",
        "1800",
        "Seconds without use after which a browser is signed out.",
        kinds.whole_number(60, 24 * 3600),
    ),
    Setting(
        "ASSENT_SESSION_LIFETIME",
        "session_lifetime",
        str(12 * 3600),
        "Seconds after which a browser is signed out in any case.",
        kinds.whole_number(60, 7 * 24 * 3600),
    ),
    Setting(
        "ASSENT_ACCESS_TOKEN_SECONDS",
        "access_token_seconds",
        "900",
        "Seconds for which an access token of the authorization server is good; those of backend services at most 300.",
        kinds.whole_number(30, LONGEST_ACCESS_TOKEN),
    ),
    Setting(
        "ASSENT_REFRESH_DAYS",
        "refresh_days",
        "90",
        "Days for which an app with `offline_access` may get new access tokens before its user is asked again.",
        kinds.whole_number(1, 366),
    ),
    Setting(
        "ASSENT_SECOND_FACTOR",
        "second_factor",
        "optional",
        "Who must have a second factor to sign in here: nobody (`optional`), `administrators` or `everybody`. A tenant's own word "
        "comes first (`assent tenant second-factor`, docs/accounts.md).",
        kinds.one_of("optional", "administrators", "everybody"),
    ),
    Setting(
        "ASSENT_INVITATION_DAYS",
        "invitation_days",
        "7",
        "Days for which the link of an invitation is good.",
        kinds.whole_number(1, 90),
    ),
    Setting(
        "ASSENT_CLIENT_REGISTRATION",
        "client_registration",
        "off",
        "Who may register apps at `/oauth/register` (RFC 7591): nobody (`off`), an `administrator` with a token, or anybody (`open`).",
        kinds.one_of("off", "administrator", "open"),
    ),
    Setting(
        "ASSENT_INNER_NETWORKS",
        "inner_networks",
        "",
        "IP addresses or networks, separated by commas, that are not public and from which the server may fetch the keys of apps, "
        "and to which it may send notifications, all the same, over plain http as well.",
        kinds.addresses,
    ),
    Setting(
        "ASSENT_AUDIT_DAYS",
        "audit_days",
        "2192",
        "Days for which audit records are kept, six years unless told otherwise; then they go, and a signed statement says so "
        "(docs/audit.md). `0` keeps them for ever.",
        kinds.whole_number(0, 36_500),
    ),
    Setting(
        "ASSENT_VALIDATION",
        "validation",
        "off",
        "How much of a resource is validated before it is stored, beside its structure: `off`, `base` (R4's rules) or `profile` "
        "(and the profiles that it claims); `base,Claim=profile` says another level for a type. A tenant's own levels "
        "come first (`assent tenant validation`, docs/validation.md).",
        kinds.levels,
    ),
    Setting(
        "ASSENT_PROVENANCE",
        "provenance",
        "edits,imports",
        "What brings a Provenance in its own commit, besides decisions and packages: a person's `edits` of patients' records, "
        "`imports` by `assent load`, both, or `none` (docs/audit.md).",
        kinds.some_of("edits", "imports"),
    ),
    Setting(
        "ASSENT_CONSENT",
        "consent",
        "opt-out",
        "What holds where a patient's consents say nothing: `opt-out` shows what nobody has denied, `opt-in` hides what nobody has "
        "permitted. A tenant's own word comes first (`assent tenant consent`, docs/security.md).",
        kinds.one_of("opt-out", "opt-in"),
    ),
    Setting(
        "ASSENT_REQUEST_SECONDS",
        "request_seconds",
        "300",
        "Seconds that an answer may take to begin, from the end of the request; then it is 503.",
        kinds.whole_number(1, 24 * 3600),
    ),
    Setting(
        "ASSENT_RATE_LIMITS",
        "rate_limits",
        "on",
        "How many requests are answered: `on` for the limits of docs/security.md, `off`, or limits of one's own for some of them, as in "
        "`reads=6000/60,registration=off`: so many in so many seconds.",
        kinds.rates,
    ),
    Setting(
        "ASSENT_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        "IP addresses or networks, separated by commas, of proxies that are believed when they say whom they speak for. "
        "Nobody's by default, because the audit record names the caller's address.",
        kinds.addresses,
    ),
    Setting(
        "ASSENT_PROXY_HEADER",
        "proxy_header",
        "x-forwarded-for",
        "The one header in which those proxies say it: `x-forwarded-for` or `forwarded` (RFC 7239). The other is never read.",
        kinds.one_of("x-forwarded-for", "forwarded"),
    ),
    Setting(
        "ASSENT_TLS_CERTIFICATE",
        "tls_certificate",
        "",
        "A file with the server's certificate and those between it and its root, in PEM. With `ASSENT_TLS_KEY`, the server speaks "
        "TLS 1.2 and 1.3, and nothing else (docs/deployment.md).",
        kinds.file,
    ),
    Setting(
        "ASSENT_TLS_KEY",
        "tls_key",
        "",
        "A file with the certificate's private key, in PEM, without a password, that others cannot read.",
        kinds.file,
    ),
    Setting(
        "ASSENT_MASTER_KEY",
        "master_key",
        "",
        "The master key itself: 32 bytes in hexadecimal or base64. Without one of the three, `master.key` in the data folder "
        "is the key, made on the first start.",
        kinds.key,
    ),
    Setting(
        "ASSENT_MASTER_KEY_FILE",
        "master_key_file",
        "",
        "A file elsewhere that holds the master key, such as a mounted secret. It is never made, and others must not read it.",
        kinds.file,
    ),
    Setting(
        "ASSENT_MASTER_KEY_COMMAND",
        "master_key_command",
        "",
        "A command that prints the master key, such as a key manager's client. It is run once at the start, without a shell.",
        kinds.command,
    ),
)
