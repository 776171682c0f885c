"""rest-hook: a POST to the endpoint with the headers that the Subscription names; any 2xx says that it was taken."""

from __future__ import annotations

from profiles.json import Resource
from server.outgoing import Outgoing, OutgoingError
from server.subscriptions.channels.channel import NotTakenError, encoded
from server.subscriptions.records import Wanted


async def send(outgoing: Outgoing, wanted: Wanted, bundle: Resource) -> None:
    """Raises NotTakenError."""
    headers = [("Content-Type", wanted.media), ("User-Agent", "assent"), *wanted.headers]
    try:
        status = await outgoing.send(wanted.endpoint, encoded(bundle, wanted.media), headers, wanted.timeout)
    except OutgoingError as error:
        raise NotTakenError(str(error)) from error
    if not 200 <= status < 300:
        raise NotTakenError(f"The endpoint answered with {status}.")
