"""Settings: defaults, every variable, and one sentence for every value that cannot be used."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import SETTINGS, ConfigurationError, Settings, settings_table

DOCS = Path(__file__).parents[2] / "docs"


def test_an_empty_environment_gives_a_local_server_with_sample_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.base_url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert settings.data == tmp_path / "assent-data"
    assert settings.sample is True
    assert settings.max_body == 50 * 1024 * 1024
    assert (settings.unknown_payer, settings.scenarios, settings.log_level) == ("review", "auto", "info")
    assert settings.trusted_proxies == ()


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "ASSENT_HOST": "0.0.0.0",
            "ASSENT_PORT": "9000",
            "ASSENT_DATA": "/var/lib/assent",
            "ASSENT_SAMPLE": "false",
            "ASSENT_STORE": "embedded",
            "ASSENT_BASE_URL": "https://fhir.example.org/assent/",
            "ASSENT_MAX_BODY": "1048576",
            "ASSENT_MAX_REQUESTS": "250",
            "ASSENT_DISK_RESERVE": "1000000",
            "ASSENT_SUBSCRIPTIONS_PER_CALLER": "7",
            "ASSENT_SUBSCRIPTIONS_PER_TENANT": "70",
            "ASSENT_SUBSCRIPTION_RETRY": "90000",
            "ASSENT_SUBSCRIPTION_EVENT_DAYS": "14",
            "ASSENT_SMTP": "smtps://assent:secret@mail.example.org",
            "ASSENT_SMTP_FROM": "assent@example.org",
            "ASSENT_JOBS_PER_CALLER": "3",
            "ASSENT_JOBS_PER_TENANT": "30",
            "ASSENT_JOB_RESULT_TTL": "3600",
            "ASSENT_JOB_RESULT_BYTES": "1000000",
            "ASSENT_BULK_SETTLE": "9",
            "ASSENT_BULK_FILE_BYTES": "5000",
            "ASSENT_JOB_LEASE": "20",
            "ASSENT_MAX_DOCUMENT": "20000",
            "ASSENT_DOCUMENT_TYPES": "application/pdf, image/png",
            "ASSENT_LINK_SECONDS": "60",
            "ASSENT_LOG_LEVEL": "WARNING",
            "ASSENT_UNKNOWN_PAYER": "refuse",
            "ASSENT_SCENARIOS": "off",
            "ASSENT_REVIEW_OUTCOME": "person",
            "ASSENT_REVIEW_SECONDS": "5",
            "ASSENT_TOKEN_TTL": "300",
            "ASSENT_CONDITIONAL_DELETE": "multiple",
            "ASSENT_SESSION_IDLE": "600",
            "ASSENT_SESSION_LIFETIME": "7200",
            "ASSENT_ACCESS_TOKEN_SECONDS": "120",
            "ASSENT_REFRESH_DAYS": "7",
            "ASSENT_SECOND_FACTOR": "everybody",
            "ASSENT_INVITATION_DAYS": "3",
            "ASSENT_CLIENT_REGISTRATION": "administrator",
            "ASSENT_INNER_NETWORKS": "10.1.0.0/16",
            "ASSENT_AUDIT_DAYS": "30",
            "ASSENT_VALIDATION": "base,Claim=profile",
            "ASSENT_PROVENANCE": "Imports",
            "ASSENT_CONSENT": "opt-in",
            "ASSENT_REQUEST_SECONDS": "30",
            "ASSENT_RATE_LIMITS": "off",
            "ASSENT_PROXY_HEADER": "Forwarded",
            "ASSENT_TLS_CERTIFICATE": "/etc/assent/server.pem",
            "ASSENT_TLS_KEY": "/etc/assent/server.key",
            "ASSENT_TRUSTED_PROXIES": "10.0.0.1, 192.168.0.0/16",
            "ASSENT_MASTER_KEY": "00" * 32,
        }
    )
    assert settings == Settings(
        host="0.0.0.0",
        port=9000,
        data=Path("/var/lib/assent"),
        sample=False,
        store="embedded",
        base_url="https://fhir.example.org/assent",
        max_body=1_048_576,
        max_requests=250,
        disk_reserve=1_000_000,
        subscriptions_per_caller=7,
        subscriptions_per_tenant=70,
        subscription_retry=90_000,
        subscription_event_days=14,
        smtp="smtps://assent:secret@mail.example.org",
        smtp_from="assent@example.org",
        jobs_per_caller=3,
        jobs_per_tenant=30,
        job_result_ttl=3600,
        job_result_bytes=1_000_000,
        bulk_settle=9,
        bulk_file_bytes=5000,
        job_lease=20,
        max_document=20_000,
        document_types=frozenset({"application/pdf", "image/png"}),
        link_seconds=60,
        log_level="warning",
        unknown_payer="refuse",
        scenarios="off",
        review_outcome="person",
        review_seconds=5,
        token_ttl=300,
        conditional_delete="multiple",
        session_idle=600,
        session_lifetime=7200,
        access_token_seconds=120,
        refresh_days=7,
        second_factor="everybody",
        invitation_days=3,
        client_registration="administrator",
        inner_networks=("10.1.0.0/16",),
        audit_days=30,
        validation={"*": "base", "Claim": "profile"},
        provenance=frozenset({"imports"}),
        consent="opt-in",
        request_seconds=30,
        rate_limits={},
        trusted_proxies=("10.0.0.1", "192.168.0.0/16"),
        proxy_header="forwarded",
        tls_certificate=Path("/etc/assent/server.pem"),
        tls_key=Path("/etc/assent/server.key"),
        master_key=bytes(32),
    )


@pytest.mark.parametrize(
    ("environ", "base_url"),
    [
        ({"ASSENT_HOST": "0.0.0.0", "ASSENT_PORT": "81"}, "http://127.0.0.1:81"),
        ({"ASSENT_HOST": "::"}, "http://127.0.0.1:8080"),
        ({"ASSENT_HOST": "::1"}, "http://[::1]:8080"),
        ({"ASSENT_HOST": "localhost"}, "http://localhost:8080"),
        ({"ASSENT_BASE_URL": "  "}, "http://127.0.0.1:8080"),
    ],
)
def test_the_base_url_follows_host_and_port(environ: dict[str, str], base_url: str) -> None:
    assert Settings.from_environment(environ).base_url == base_url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ASSENT_PORT", "0"),
        ("ASSENT_PORT", "65536"),
        ("ASSENT_PORT", "http"),
        ("ASSENT_PORT", "-1"),
        ("ASSENT_PORT", "8080.0"),
        ("ASSENT_PORT", "٨٠٨٠"),  # digits, but not ASCII ones
        ("ASSENT_PORT", "9" * 5000),
        ("ASSENT_HOST", "127.0.0.1:8080/fhir"),
        ("ASSENT_DATA", "a\0b"),
        ("ASSENT_SAMPLE", "maybe"),
        ("ASSENT_STORE", "postgres://localhost:5432/assent"),
        ("ASSENT_STORE", "mongodb://"),
        ("ASSENT_STORE", "sqlite"),
        ("ASSENT_BASE_URL", "ftp://example.org"),
        ("ASSENT_BASE_URL", "example.org"),
        ("ASSENT_BASE_URL", "https://"),
        ("ASSENT_BASE_URL", "https://example.org/?tenant=1"),
        ("ASSENT_BASE_URL", "https://example.org/#top"),
        ("ASSENT_BASE_URL", "https://user:secret@example.org"),
        ("ASSENT_BASE_URL", "https://exa mple.org"),
        ("ASSENT_BASE_URL", "https://[::1"),
        ("ASSENT_BASE_URL", "https://example.org:99999"),
        ("ASSENT_MAX_BODY", "50 MB"),
        ("ASSENT_MAX_DOCUMENT", "1"),
        ("ASSENT_DOCUMENT_TYPES", "pdf"),
        ("ASSENT_DOCUMENT_TYPES", "application/PDF"),
        ("ASSENT_DOCUMENT_TYPES", "application/pdf; charset=x"),
        ("ASSENT_DOCUMENT_TYPES", "*/*"),
        ("ASSENT_LINK_SECONDS", "0"),
        ("ASSENT_LOG_LEVEL", "chatty"),
        ("ASSENT_UNKNOWN_PAYER", "approve"),
        ("ASSENT_SCENARIOS", "yes"),
        ("ASSENT_TOKEN_TTL", "0"),
        ("ASSENT_VALIDATION", "strict"),
        ("ASSENT_VALIDATION", "base,Klaim=profile"),
        ("ASSENT_VALIDATION", "Claim"),
        ("ASSENT_CONSENT", "in"),
        ("ASSENT_PROVENANCE", "edits,reads"),
        ("ASSENT_PROVENANCE", "none,edits"),
        ("ASSENT_TRUSTED_PROXIES", "proxy.example.org"),
        ("ASSENT_MASTER_KEY", "secret"),
        ("ASSENT_MASTER_KEY_FILE", "a\0b"),
        ("ASSENT_MASTER_KEY_COMMAND", "kms 'secret"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment({variable: value})
    sentence = str(refused.value)
    assert sentence.startswith(variable)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_types_of_documents_are_those_of_the_page_instead_of_them_or_besides_them() -> None:
    page = (DOCS / "documents.md").read_text("utf-8")
    usual = Settings.from_environment({}).document_types
    assert {"application/pdf", "text/plain"} < usual
    assert all(f"`{name}`" in page for name in usual)
    besides = Settings.from_environment({"ASSENT_DOCUMENT_TYPES": "+video/mp4"}).document_types
    assert besides == usual | {"video/mp4"}
    instead = Settings.from_environment({"ASSENT_DOCUMENT_TYPES": "image/png,+video/mp4"}).document_types
    assert instead == {"image/png", "video/mp4"}


@given(st.sampled_from([row.variable for row in SETTINGS]), st.text(max_size=60))
def test_no_value_causes_another_kind_of_error(variable: str, value: str) -> None:
    try:
        settings = Settings.from_environment({variable: value})
    except ConfigurationError:
        return
    assert settings.base_url.startswith(("http://", "https://"))


def test_every_field_has_its_row_and_every_row_its_documentation() -> None:
    assert [row.field for row in SETTINGS] == [field.name for field in fields(Settings)]
    page = (DOCS / "configuration.md").read_text("utf-8")
    assert settings_table() in page
