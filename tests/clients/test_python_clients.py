"""Clients that others wrote in Python, against the running program: SMART's client-py, Authlib's OAuth client, fhirpy behind a service's keys.

A person's part, our pages, is done over HTTP, form by form.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import ForbiddenError
from joserfc.jwk import ECKey, RSAKey
from live_server import LiveServer
from people import PATIENT, Place, make_client, make_person

pytestmark = pytest.mark.slow

PERSON = "python-person"
BACK = "http://127.0.0.1:8765/back"
SCOPE = "launch/patient openid fhirUser offline_access patient/*.rs"


@pytest.fixture(scope="module")
def place(live_server: LiveServer) -> Place:
    make_client(live_server, "python-app", "public", "--redirect-uri", BACK)
    return Place(live_server, make_person(live_server, PERSON), PERSON)


def test_client_py(place: Place) -> None:
    settings = {"app_id": "python-app", "api_base": place.server.base, "redirect_uri": BACK}
    smart = FHIRClient(settings={**settings, "scope": "openid fhirUser offline_access patient/*.rs"})
    assert not smart.prepare()
    smart.handle_callback(asyncio.run(place.walk(smart.authorize_url)))
    assert smart.ready
    assert smart.patient.id == PATIENT
    found = list(Observation.where({"patient": PATIENT, "_count": "3"}).perform_resources_iter(smart.server))
    assert {each.subject.reference for each in found} == {f"Patient/{PATIENT}"}
    before = smart.server.auth.access_token
    assert smart.reauthorize()
    assert smart.server.auth.access_token != before
    assert smart.launch_context["patient"] == PATIENT
    assert smart.server.request_json(f"Patient/{PATIENT}")["id"] == PATIENT


async def test_authlib_signs_a_person_in_refreshes_and_revokes(place: Place) -> None:
    verifier = "authlib-" * 6
    async with AsyncOAuth2Client(
        "python-app", scope=SCOPE, redirect_uri=BACK, code_challenge_method="S256", token_endpoint_auth_method="none"
    ) as client:
        address, state = client.create_authorization_url(
            place.oauth("authorize"), code_verifier=verifier, aud=place.server.base
        )
        back = await place.walk(address)
        token = await client.fetch_token(
            place.oauth("token"), authorization_response=back, state=state, code_verifier=verifier
        )
        assert (token["patient"], token["token_type"]) == (PATIENT, "Bearer")
        assert (await client.get(f"{place.server.base}/Patient/{PATIENT}")).status_code == 200
        new = await client.refresh_token(place.oauth("token"))
        assert new["refresh_token"] != token["refresh_token"]
        assert (await client.get(f"{place.server.base}/Patient/{PATIENT}")).status_code == 200
        assert (await client.revoke_token(place.oauth("revoke"), token=new["refresh_token"])).status_code == 200
        assert (await client.get(f"{place.server.base}/Patient/{PATIENT}")).status_code == 401
        with pytest.raises(OAuthError, match="invalid_grant"):
            await client.refresh_token(place.oauth("token"), refresh_token=new["refresh_token"])


async def test_authlib_introspects_as_a_client_with_a_secret(place: Place) -> None:
    printed = await asyncio.to_thread(make_client, place.server, "python-secret", "secret", "--redirect-uri", BACK)
    secret = printed.strip().rpartition(" ")[2]
    verifier = "another-" * 6
    async with AsyncOAuth2Client(
        "python-secret", secret, scope=SCOPE, redirect_uri=BACK, code_challenge_method="S256"
    ) as client:
        address, state = client.create_authorization_url(
            place.oauth("authorize"), code_verifier=verifier, aud=place.server.base
        )
        back = await place.walk(address)
        token = await client.fetch_token(
            place.oauth("token"), authorization_response=back, state=state, code_verifier=verifier
        )
        told = (await client.introspect_token(place.oauth("introspect"), token=token["access_token"])).json()
        assert (told["active"], told["client_id"], told["patient"]) == (True, "python-secret", PATIENT)
        assert set(told["scope"].split()) == set(token["scope"].split())
        await client.revoke_token(place.oauth("revoke"), token=token["access_token"])
        told = (await client.introspect_token(place.oauth("introspect"), token=token["access_token"])).json()
        assert told == {"active": False}


KEYS: dict[str, RSAKey | ECKey] = {
    "RS384": RSAKey.generate_key(2048, {"kid": "rsa"}, auto_kid=False),
    "ES384": ECKey.generate_key("P-384", {"kid": "ec"}, auto_kid=False),
}


@pytest.mark.parametrize("algorithm", list(KEYS))
async def test_a_backend_service_with_keys_reads_and_writes(place: Place, algorithm: str, tmp_path: Path) -> None:
    key, id_ = KEYS[algorithm], f"service-{algorithm.lower()}"
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "kid": key.kid}]}))
    await asyncio.to_thread(
        make_client, place.server, id_, "backend", "--jwks", keys, "--scope", "system/*.cruds", "--role", "staff"
    )
    token = await service_token(place, id_, key, algorithm)
    assert token["expires_in"] <= 300
    assert "refresh_token" not in token
    fhir = AsyncFHIRClient(place.server.base, authorization=f"Bearer {token['access_token']}")
    patient = await fhir.resources("Patient").search(_id=PATIENT).first()
    assert patient["id"] == PATIENT
    made: Any = fhir.resource(
        "Observation", status="final", code={"text": algorithm}, subject={"reference": f"Patient/{PATIENT}"}
    )
    await made.save()
    made["status"] = "amended"
    await made.save()
    assert (await fhir.reference("Observation", made.id).to_resource())["meta"]["versionId"] == "2"
    with pytest.raises(ForbiddenError):  # staff deletes nothing
        await made.delete()


async def service_token(place: Place, id_: str, key: RSAKey | ECKey, algorithm: str) -> dict[str, Any]:
    """Authlib's own assertion, which lasts an hour unless told otherwise: SMART wants five minutes at most."""
    claims = {"exp": int(time.time()) + 240}
    proof = PrivateKeyJWT(place.oauth("token"), claims=claims, headers={"kid": key.kid, "typ": "JWT"}, alg=algorithm)
    async with AsyncOAuth2Client(id_, key, token_endpoint_auth_method="private_key_jwt", scope="system/*.cruds") as client:
        client.register_client_auth_method(proof)
        return dict(await client.fetch_token(place.oauth("token"), grant_type="client_credentials"))


async def test_an_assertion_that_lasts_an_hour_is_refused(place: Place, tmp_path: Path) -> None:
    key = KEYS["RS384"]
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "kid": key.kid}]}))
    await asyncio.to_thread(
        make_client, place.server, "hourly", "backend", "--jwks", keys, "--scope", "system/*.rs", "--role", "staff"
    )
    async with AsyncOAuth2Client(
        "hourly", key, token_endpoint_auth_method="private_key_jwt", scope="system/*.rs"
    ) as client:
        client.register_client_auth_method(PrivateKeyJWT(place.oauth("token"), headers={"kid": key.kid}, alg="RS384"))
        with pytest.raises(OAuthError, match="invalid_client"):
            await client.fetch_token(place.oauth("token"), grant_type="client_credentials")
