"""Where things are and what is enabled: smart-configuration, OpenID configuration, RFC 8414 metadata, keys.

Generated from what there is: the route table, the grant types, the settings. Nothing is claimed that is not built.
"""

from __future__ import annotations

from typing import Any, Final

from server.auth.access_token import issuer_of
from server.auth.scopes import USERS_SCOPE
from server.config import Settings
from server.oauth import authority as at
from server.oauth.authority import Authority
from server.oauth.client import GRANT_TYPES, METHODS
from server.oauth.client_keys import ALGORITHMS
from server.oauth.id_token_key import ALGORITHM
from server.oauth.wire import ANY_ORIGIN, Answer, json_answer

SCOPES: Final = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "online_access",
    "patient/*.cruds",
    "patient/*.rs",
    "user/*.cruds",
    "user/*.rs",
    "system/*.cruds",
    "system/*.rs",
    USERS_SCOPE,
)
CAPABILITIES: Final = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)
_MINUTES: Final = ("Cache-Control", "public, max-age=300")
HEADERS: Final = (_MINUTES, *ANY_ORIGIN)
_PROVED: Final = [method for method in METHODS if method != "none"]


def metadata(authority: Authority) -> dict[str, Any]:
    """What all three documents say (RFC 8414 section 2)."""
    found = {
        "issuer": authority.issuer,
        "jwks_uri": authority.address(at.JWKS),
        "authorization_endpoint": authority.address(at.AUTHORIZE),
        "token_endpoint": authority.address(at.TOKEN_ENDPOINT),
        "introspection_endpoint": authority.address(at.INTROSPECT),
        "revocation_endpoint": authority.address(at.REVOKE),
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": _PROVED,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": list(GRANT_TYPES),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
    if authority.settings.client_registration != "off":
        found["registration_endpoint"] = authority.address(at.REGISTER)
    return found


def oauth_uris(settings: Settings, tenant: str) -> dict[str, str]:
    """For the CapabilityStatement, by the names of the extension oauth-uris."""
    root = issuer_of(settings.base_url, tenant)
    named = {"authorize": at.AUTHORIZE, "token": at.TOKEN_ENDPOINT, "introspect": at.INTROSPECT, "revoke": at.REVOKE}
    if settings.client_registration != "off":
        named["register"] = at.REGISTER
    return {name: f"{root}{path}" for name, path in named.items()}


async def smart_configuration(authority: Authority) -> Answer:
    """SMART App Launch 2.2, conformance.html. `launch_endpoint` is ours: where an EHR says what an app is launched with."""
    content = {
        **metadata(authority),
        "capabilities": list(CAPABILITIES),
        "associated_endpoints": [{"url": base, "capabilities": list(CAPABILITIES)} for base in authority.bases],
        "launch_endpoint": authority.address(at.LAUNCH),
    }
    return json_answer(content, headers=HEADERS)


async def openid_configuration(authority: Authority) -> Answer:
    """OpenID Connect Discovery 1.0, section 3; the same document serves RFC 8414."""
    content = {
        **metadata(authority),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "fhirUser",
            "name",
            "preferred_username",
        ],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
    return json_answer(content, headers=HEADERS)


async def jwks(authority: Authority) -> Answer:
    """The public keys: RS256 for id_tokens, ES256 for access tokens."""
    access = authority.shared.signing_key
    own = {**access.public.as_dict(private=False), "kid": access.key_id, "use": "sig", "alg": "ES256"}
    return json_answer({"keys": [await authority.shared.id_token_key.public(), own]}, headers=HEADERS)
