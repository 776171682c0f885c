"""Access tokens: what this server signed, for this server, now, is good; everything else is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt

from server.auth.access_token import MAXIMUM_LENGTH, Grant, TokenError, TokenVerifier, fhir_bases, issue_token
from server.auth.scopes import ResourceScope
from server.auth.signing_key import SigningKey, generate

BASE = "https://fhir.example.org"
NOW = 1_800_000_000
KEY = generate()
GRANT = Grant("default", "ada", "assent-cli", ["staff"], "user/*.cruds openid", fhir_user="Practitioner/ada")


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def verifier(clock: Clock | None = None, key: SigningKey = KEY, **options: int) -> TokenVerifier:
    return TokenVerifier(key, BASE, clock=clock or Clock(), **options)


def good_token(lifetime: int = 600) -> str:
    return issue_token(KEY, GRANT, lifetime=lifetime, now=NOW)


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; a change to ... removes the claim."""
    token = good_token().split(".")[1]
    changed = {**json.loads(base64.urlsafe_b64decode(token + "==")), **changes}
    return {name: value for name, value in changed.items() if value is not ...}


def signed(payload: dict[str, Any], key: SigningKey = KEY, **header: Any) -> str:
    head = {"alg": "ES256", "typ": "at+jwt", "kid": key.key_id, **header}
    return jwt.encode(
        {name: value for name, value in head.items() if value is not ...}, payload, key.private, default_type=None
    )


def segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_brings_back_what_it_was_issued_for() -> None:
    grant = Grant(
        "clinic-7", "ada", "assent-cli", ["doctor", "staff"], "user/Claim.rs openid", "Practitioner/1", "p1", "e1"
    )
    principal = verifier().verify(issue_token(KEY, grant, lifetime=60, now=NOW))
    assert (principal.tenant, principal.subject, principal.client_id) == ("clinic-7", "ada", "assent-cli")
    assert principal.roles == {"doctor", "staff"}
    assert principal.scopes.resources == (ResourceScope("user", "Claim", "rs"),)
    assert principal.scopes.others == {"openid"}
    assert (principal.fhir_user, principal.patient, principal.encounter) == ("Practitioner/1", "p1", "e1")
    assert (principal.issued_at, principal.expires) == (NOW, NOW + 60)
    assert len(principal.token_id) >= 16


@pytest.mark.parametrize(
    ("claim", "purposes"),
    [(..., None), (None, None), ("TREAT", ("TREAT",)), (["TREAT", "FUN"], ("TREAT",)), ([], ()), ("FUN", ())],
    ids=str,
)
def test_purposes_are_those_that_exist_and_none_is_not_all(claim: Any, purposes: tuple[str, ...] | None) -> None:
    payload = claims() if claim is ... else claims(purpose_of_use=claim)
    assert verifier().verify(signed(payload)).purposes == purposes


def test_purposes_that_are_no_codes_make_the_token_bad() -> None:
    for claim in (1, {}, [1], [["TREAT"]]):
        with pytest.raises(TokenError):
            verifier().verify(signed(claims(purpose_of_use=claim)))


def test_every_token_has_its_own_id() -> None:
    assert len({verifier().verify(good_token()).token_id for _ in range(20)}) == 20


def test_the_claims_are_those_of_rfc_9068_and_ours() -> None:
    header = json.loads(base64.urlsafe_b64decode(good_token().split(".")[0] + "=="))
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": KEY.key_id}
    assert set(claims()) == {
        *("iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "scope"),
        *("tenant", "roles", "moment", "fhirUser"),
    }


def test_the_signature_must_be_ours() -> None:
    stranger = generate()
    with pytest.raises(TokenError):
        verifier().verify(issue_token(stranger, GRANT, lifetime=600, now=NOW, issuer=KEY.urn, audience=KEY.urn))
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(), key=SigningKey(stranger.private, KEY.key_id)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_is_not_good(algorithm: str) -> None:
    head = segment({"alg": algorithm, "typ": "at+jwt", "kid": KEY.key_id})
    for signature in ("", "AA", segment(b"\0" * 64)):
        with pytest.raises(TokenError):
            verifier().verify(f"{head}.{segment(claims())}.{signature}")


def test_the_public_key_is_no_hmac_secret() -> None:
    head = segment({"alg": "HS256", "typ": "at+jwt", "kid": KEY.key_id})
    body = segment(claims())
    for secret in (KEY.public.as_pem(private=False), json.dumps(KEY.public.as_dict()).encode(), b""):
        signature = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        with pytest.raises(TokenError):
            verifier().verify(f"{head}.{body}.{segment(signature)}")


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "another"},
        {"kid": ...},
        {"kid": ["x"]},
        {"typ": "JWT"},
        {"typ": ...},
        {"typ": "dpop+jwt"},
        {"crit": ["exp"]},
        {"jwk": generate().public.as_dict(), "kid": "x"},
    ],
    ids=lambda header: " ".join(f"{name}={'a key' if name == 'jwk' else value}" for name, value in header.items()),
)
def test_the_header_must_be_that_of_an_access_token_of_this_server(header: dict[str, Any]) -> None:
    head = {"alg": "ES256", "typ": "at+jwt", "kid": KEY.key_id, **header}
    text = f"{segment({k: v for k, v in head.items() if v is not ...})}.{segment(claims())}"
    signature = KEY.private.get_op_key("sign")
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(signature.sign(text.encode(), ECDSA(hashes.SHA256())))
    with pytest.raises(TokenError):
        verifier().verify(f"{text}.{segment(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}")


def test_an_embedded_key_is_not_believed() -> None:
    attacker = generate()
    token = signed(claims(), key=SigningKey(attacker.private, KEY.key_id), jwk=attacker.public.as_dict())
    with pytest.raises(TokenError):
        verifier().verify(token)


def test_no_part_of_a_token_may_be_changed() -> None:
    token = good_token()
    check = verifier()
    check.verify(token)
    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        with pytest.raises(TokenError):
            check.verify(token[:position] + other + token[position + 1 :])


def test_a_token_has_one_spelling() -> None:
    token = good_token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = alphabet[alphabet.index(token[-1]) | 1]  # the last four bits of a signature's text stand for nothing
    for text in (token[:-1] + same_bytes, token + "=", token + "\n", " " + token, token.replace(".", ". ", 1), token + "."):
        with pytest.raises(TokenError):
            verifier().verify(text)


@pytest.mark.parametrize(
    ("moment", "good"),
    [
        (NOW - 6, False),
        (NOW - 5, True),
        (NOW, True),
        (NOW + 599, True),
        (NOW + 604, True),
        (NOW + 605, False),
        (NOW + 10**6, False),
    ],
)
def test_a_token_is_good_for_its_time_and_five_seconds_around_it(moment: int, good: bool) -> None:
    token = good_token(600)
    if good:
        assert verifier(Clock(moment)).verify(token).subject == "ada"
    else:
        with pytest.raises(TokenError):
            verifier(Clock(moment)).verify(token)


def test_not_before_counts_by_itself() -> None:
    with pytest.raises(TokenError, match="not valid yet"):
        verifier().verify(signed(claims(nbf=NOW + 60)))


@pytest.mark.parametrize(
    "audience",
    [
        "https://other.example.org/fhir",
        "",
        [],
        ["a", 1],
        {"a": 1},
        1,
        None,
        ...,
        f"{BASE}/t/other/fhir",
        BASE,
        [BASE + "/fhir/"],
    ],
    ids=str,
)
def test_a_token_for_somebody_else_is_not_good(audience: Any) -> None:
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(aud=audience)))


@pytest.mark.parametrize("issuer", ["https://other.example.org", f"{BASE}/", "", 1, None, ...], ids=str)
def test_a_token_of_somebody_else_is_not_good(issuer: Any) -> None:
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(iss=issuer)))


def test_the_fhir_base_of_the_tokens_tenant_is_an_audience_and_that_of_another_is_not() -> None:
    for tenant in ("default", "clinic-7"):
        for base in fhir_bases(BASE, tenant):
            token = signed(claims(tenant=tenant, aud=["https://x.example", base], iss=BASE))
            assert verifier().verify(token).tenant == tenant
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(tenant="clinic-7", aud=f"{BASE}/fhir", iss=BASE)))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "tenant"])
@pytest.mark.parametrize("value", [..., None, "", [], {}, True, 1.5, -1, "x\ny", 10**30], ids=str)
def test_a_needed_claim_that_is_missing_or_of_the_wrong_kind_makes_the_token_bad(name: str, value: Any) -> None:
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(**{name: value})))


@pytest.mark.parametrize("name", ["roles", "scope", "fhirUser", "patient", "encounter"])
@pytest.mark.parametrize("value", [None, 1, {}, [1], [["staff"]], "a b\n", "Patient/../x"], ids=str)
def test_a_claim_of_the_wrong_kind_makes_the_token_bad_and_never_gives_anything(name: str, value: Any) -> None:
    if name == "scope" and value == "Patient/../x":
        assert verifier().verify(signed(claims(scope=value))).scopes.resources == ()
        return
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(**{name: value})))


def test_missing_roles_and_scopes_are_none_at_all() -> None:
    principal = verifier().verify(signed(claims(roles=..., scope=..., fhirUser=...)))
    assert (principal.roles, principal.scopes.resources, principal.fhir_user) == (frozenset(), (), None)


@pytest.mark.parametrize("tenant", ["Default", "a/b", "..", "-a", "a-", "a b", "ä", "a" * 64, "default\n"])
def test_a_tenant_has_a_harmless_name(tenant: str) -> None:
    with pytest.raises(TokenError):
        verifier().verify(signed(claims(tenant=tenant)))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c",
        "...",
        "a.b.c.d.e",
        "é" * 10,
        "\ud800",
        "x" * (MAXIMUM_LENGTH + 1),
        f"{segment([])}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment(None)}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment({'alg': 1})}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment({'alg': ['ES256']})}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment({'alg': {'a': 1}})}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment({'alg': 'ES256', 'crit': 5})}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment({'alg': 'ES256', 'b64': False, 'crit': ['b64']})}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment({'alg': 'RSA-OAEP', 'enc': 'A128GCM'})}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment(b'[' * 4000)}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment(b'{' + b'1' * 5000)}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment(b'1' * 5000)}.{segment({})}.{segment(b'x' * 64)}",
        f"{segment(bytes([0xFF]))}.{segment({})}.{segment(b'x' * 64)}",
    ],
    ids=lambda token: token[:20],
)
def test_what_is_no_token_is_refused_and_nothing_else_happens(token: str) -> None:
    with pytest.raises(TokenError):
        verifier().verify(token)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("ES256"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
header_names = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "x5u", "cty", "enc", "zip", "x"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(header_names, json_values, max_size=5) | json_values, st.binary(max_size=70))
def test_no_header_causes_another_kind_of_error(header: Any, signature: bytes) -> None:
    with pytest.raises(TokenError):
        verifier().verify(f"{segment(header)}.{segment({})}.{segment(signature or b'x')}")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*sorted(claims()), "patient", "encounter", "x"]), json_values, max_size=4))
def test_no_signed_claims_cause_another_kind_of_error(changes: dict[str, Any]) -> None:
    try:
        principal = verifier().verify(signed(claims(**changes)))
    except TokenError:
        return
    assert principal.expires > NOW


def test_a_token_seen_before_is_not_checked_again_but_still_expires() -> None:
    clock = Clock()
    check = verifier(clock)
    token = good_token(600)
    first = check.verify(token)
    assert check.verify(token) is first
    clock.now = NOW + 606
    for _ in range(2):
        with pytest.raises(TokenError, match="expired"):
            check.verify(token)


def test_bad_tokens_are_not_remembered_and_do_not_push_good_ones_out() -> None:
    check = verifier(cache_size=2)
    token = good_token()
    first = check.verify(token)
    for n in range(10):
        with pytest.raises(TokenError):
            check.verify(f"{token}{n}")
    assert check.verify(token) is first


def test_the_cache_forgets_the_token_that_was_longest_unused() -> None:
    check = verifier(cache_size=2)
    one, two, three = good_token(), good_token(), good_token()
    first, second = check.verify(one), check.verify(two)
    assert check.verify(one) is first
    check.verify(three)
    assert check.verify(one) is first
    assert check.verify(two) is not second
