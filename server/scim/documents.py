"""What a client may ask about the server: features, resource types, schemas (RFC 7643 sections 5 to 7, RFC 7644 section 4)."""

from __future__ import annotations

from typing import Any, Final

from server.scim.query import MOST
from server.scim.schema import ATTRIBUTES, CORE, EXTENSION, Attribute, Content

LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_META: Final = "urn:ietf:params:scim:schemas:core:2.0:"


def service_provider_config(root: str) -> Content:
    """`root`: the address of the tenant's SCIM."""
    return {
        "schemas": [f"{_META}ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": {"supported": True},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "OAuth 2.0 bearer token",
                "description": "A token of an administrator with the scope assent/users.",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{root}/ServiceProviderConfig"},
    }


def resource_type(root: str) -> Content:
    return {
        "schemas": [f"{_META}ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "An account of a person.",
        "schema": CORE,
        "schemaExtensions": [{"schema": EXTENSION, "required": False}],
        "meta": {"resourceType": "ResourceType", "location": f"{root}/ResourceTypes/User"},
    }


def schemas(root: str) -> list[Content]:
    """Of the User and of the extension."""
    return [
        _schema(root, CORE, "User", "An account of a person."),
        _schema(root, EXTENSION, "Assent User", "Who the person is in the records, and at outside providers."),
    ]


def listed(items: list[Content]) -> Content:
    return {
        "schemas": [LIST],
        "totalResults": len(items),
        "startIndex": 1,
        "itemsPerPage": len(items),
        "Resources": items,
    }


def _schema(root: str, id_: str, name: str, description: str) -> Content:
    return {
        "schemas": [f"{_META}Schema"],
        "id": id_,
        "name": name,
        "description": description,
        "attributes": [_attribute(attribute) for attribute in ATTRIBUTES if attribute.schema == id_],
        "meta": {"resourceType": "Schema", "location": f"{root}/Schemas/{id_}"},
    }


def _attribute(attribute: Attribute) -> Content:
    told: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi,
        "description": attribute.meaning,
        "required": attribute.required,
        "caseExact": attribute.case_exact,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "uniqueness": attribute.uniqueness,
    }
    if attribute.type == "reference":
        told["referenceTypes"] = ["external"]
    if attribute.canonical:
        told["canonicalValues"] = list(attribute.canonical)
    if attribute.parts:
        told["subAttributes"] = [_attribute(part) for part in attribute.parts]
    return told
