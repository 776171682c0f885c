"""A client with keys: makes assertions, right and wrong."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from server.oauth.client_authentication import ASSERTION

TOKEN = "http://127.0.0.1:8080/oauth/token"
EC = ECKey.generate_key("P-384", {"kid": "ec"}, auto_kid=False)
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, auto_kid=False)
STRANGER = ECKey.generate_key("P-384", {"kid": "ec"}, auto_kid=False)
JWKS: dict[str, Any] = {
    "keys": [
        {**EC.as_dict(private=False), "kid": "ec", "alg": "ES384"},
        {**RSA.as_dict(private=False), "kid": "rsa"},
    ]
}

Key = ECKey | RSAKey


def claims(client: str = "backend", **changes: Any) -> dict[str, Any]:
    """A right assertion's; None leaves one out."""
    now = int(time.time())
    whole = {"iss": client, "sub": client, "aud": TOKEN, "exp": now + 240, "iat": now, "jti": str(uuid4()), **changes}
    return {name: value for name, value in whole.items() if value is not None}


def signed(said: dict[str, Any], key: Key = EC, algorithm: str = "ES384", **header: Any) -> str:
    kid = "rsa" if key is RSA else "ec"
    whole = {"alg": algorithm, "typ": "JWT", "kid": kid, **header}
    return jwt.encode(
        {name: value for name, value in whole.items() if value is not None}, said, key, algorithms=[algorithm]
    )


def assertion(text: str | None = None, client: str = "backend") -> dict[str, str]:
    """The form fields of an assertion."""
    return {"client_assertion_type": ASSERTION, "client_assertion": text if text is not None else signed(claims(client))}


def asking(text: str | None = None, **changes: Any) -> dict[str, Any]:
    """A backend service's request."""
    whole = {"grant_type": "client_credentials", "scope": "system/Patient.rs", **assertion(text), **changes}
    return {name: value for name, value in whole.items() if value is not None}
