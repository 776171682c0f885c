"""How a MongoDB server is reached, checked and made ready. Everything that is wrong with it is one sentence at the start."""

from __future__ import annotations

from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError, ConnectionFailure, InvalidURI, OperationFailure, PyMongoError

from server.store.mongo.abandoned import APPLICATION
from server.store.mongo.documents import Document
from server.store.mongo.mongo_store import MongoStore
from server.store.mongo.portable import MongoSource, MongoTarget, check_finished
from server.store.mongo.schema import MongoSetupError, prepare
from server.store.store import AuditSealer, StoreUnavailableError

DEFAULT_DATABASE: Final = "assent"
OLDEST_WIRE: Final = 17
"""MongoDB 6.0."""

WAIT_MS: Final = 5000
SILENT_MS: Final = 30_000
HEARTBEAT_MS: Final = 2000
"""How often the members are looked at: a new primary is noticed in so long at the latest."""

_STANDALONE: Final = (
    "The MongoDB server stands alone, and Assent needs its transactions: start mongod with --replSet rs0, run "
    "rs.initiate() once in mongosh, and add replicaSet=rs0 to the address."
)
_NOT_ALLOWED: Final = {13, 18, 8000}
_OTHER_INDEX: Final = {85, 86}


def make_client(url: str) -> AsyncMongoClient[Document]:
    """A client with our concerns, whatever the address says of them. Raises MongoSetupError."""
    try:
        return AsyncMongoClient(
            url,
            appname=APPLICATION,
            w="majority",
            journal=True,
            wTimeoutMS=10_000,
            readConcernLevel="majority",
            readPreference="primary",
            retryReads=True,
            retryWrites=True,
            tz_aware=True,
            serverSelectionTimeoutMS=WAIT_MS,
            connectTimeoutMS=WAIT_MS,
            heartbeatFrequencyMS=HEARTBEAT_MS,
            socketTimeoutMS=SILENT_MS,
        )
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise MongoSetupError("The address in ASSENT_STORE is no address of a MongoDB server.") from error


async def open_store(url: str, seal_audit: AuditSealer) -> MongoStore:
    """Connect, check the server, make what is missing. Raises MongoSetupError."""
    client = make_client(url)
    try:
        database = client.get_default_database(DEFAULT_DATABASE)
        _check_server(await client.admin.command("hello"))
        await prepare(database)
        await check_finished(database)
    except (PyMongoError, StoreUnavailableError, MongoSetupError) as error:
        await client.close()
        raise _in_a_sentence(error) from error
    return MongoStore(client, database, seal_audit)


async def open_target(url: str) -> MongoTarget:
    """An empty database, ready to be filled by a restore. Raises MongoSetupError."""
    client = make_client(url)
    try:
        database = client.get_default_database(DEFAULT_DATABASE)
        _check_server(await client.admin.command("hello"))
        await prepare(database)
        target = MongoTarget(client, database)
        await target.begin()
    except (PyMongoError, StoreUnavailableError, MongoSetupError) as error:
        await client.close()
        raise _in_a_sentence(error) from error
    return target


def open_source(url: str) -> MongoSource:
    """One moment of a database that `open_store` took for a store. Raises MongoSetupError."""
    client = make_client(url)
    return MongoSource(client, client.get_default_database(DEFAULT_DATABASE))


def _check_server(hello: dict[str, Any]) -> None:
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise MongoSetupError(_STANDALONE)
    if hello["maxWireVersion"] < OLDEST_WIRE:
        raise MongoSetupError("The MongoDB server is too old: Assent needs MongoDB 6.0 or later.")


def _in_a_sentence(error: Exception) -> MongoSetupError:
    if isinstance(error, MongoSetupError):
        return error
    if isinstance(error, ConnectionFailure | StoreUnavailableError):
        return MongoSetupError(
            f"No MongoDB primary answers at the address in ASSENT_STORE within {WAIT_MS // 1000} seconds: start it, "
            "run rs.initiate() once on a new one, or correct the address."
        )
    if isinstance(error, OperationFailure) and error.code in _NOT_ALLOWED:
        return MongoSetupError(
            "The MongoDB server refuses the user of ASSENT_STORE: correct name and password, and give the user the role "
            "readWrite on the database."
        )
    if isinstance(error, OperationFailure) and error.code in _OTHER_INDEX:
        return MongoSetupError(
            "The database has an index under a name that Assent uses, with other keys: drop it, or name another database."
        )
    return MongoSetupError(f"The MongoDB server at the address in ASSENT_STORE cannot be used ({type(error).__name__}).")
