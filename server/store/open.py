"""Opens the store that the settings ask for. The only place, with the back ends themselves, that knows there are two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module

from server.config import EMBEDDED, ConfigurationError, Settings
from server.seal.key_source import read_master_key
from server.seal.keyring import is_sealed
from server.seal.master_key import MasterKeyError
from server.seal.rotation import ALONE, SHARED, Pace
from server.store.sqlite.schema import SCHEMA_VERSION, SchemaError, earlier_version
from server.store.sqlite.sqlite_store import FILE_NAME, SqliteStore
from server.store.store import AuditSealer, Store, StoreUnavailableError
from server.store.trouble import in_words


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """A store that is ready for use, and the master key of what it holds."""

    store: Store
    name: str
    master_key: bytes
    missing_indexes: Callable[[], Awaitable[list[str]]]
    """Names of indexes that somebody dropped. Raises StoreUnavailableError."""
    pace: Pace
    """How long a new data key waits for others who use the store."""


def check_is_there(settings: Settings) -> None:
    """Raises ConfigurationError where the data folder holds no store: commands work on what a server has made."""
    if settings.store == EMBEDDED and not (settings.data / FILE_NAME).exists():
        raise ConfigurationError(
            f"There is no store in {settings.data}: start the server once, or name its data folder in ASSENT_DATA."
        )


async def open_store(
    settings: Settings, seal_audit: AuditSealer, *, update: Callable[[str], None] | None = None
) -> OpenedStore:
    """Open or make the store. Raises ConfigurationError with one sentence for the operator.

    Only who gives `update` (a server, which nobody else's work depends on yet) may bring a store of an earlier schema up to
    date; it is called with a sentence about it before anything is changed.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        if settings.store == EMBEDDED:
            return await _embedded(settings, seal_audit, update)
        return await _mongodb(settings, seal_audit)
    except (MasterKeyError, SchemaError) as error:
        raise ConfigurationError(str(error)) from error
    except StoreUnavailableError as error:
        raise ConfigurationError(f"The store {in_words(error)}: mend that, and try again.") from error


async def _embedded(settings: Settings, seal_audit: AuditSealer, update: Callable[[str], None] | None) -> OpenedStore:
    path = settings.data / FILE_NAME
    master_key = await read_master_key(settings, sealed=path.exists())
    earlier = earlier_version(path)
    if earlier is not None:
        if update is None:
            raise SchemaError(
                f"The store in {settings.data} is of an earlier Assent (schema {earlier}, this one uses {SCHEMA_VERSION}): "
                "start the server once, which brings it up to date (`assent backup --copy` works before that)."
            )
        update(
            f"The store in {settings.data} is brought from schema {earlier} to {SCHEMA_VERSION}; the Assent before cannot "
            "open it any more, only a backup from before leads back."
        )
    return OpenedStore(SqliteStore(path, seal_audit, settings.disk_reserve), "sqlite", master_key, _nothing, ALONE)


async def _nothing() -> list[str]:
    return []


async def _mongodb(settings: Settings, seal_audit: AuditSealer) -> OpenedStore:
    """PyMongo is loaded here, and only by a server that needs it."""
    connect = import_module("server.store.mongo.connect")
    try:
        store = await connect.open_store(settings.store, seal_audit)
    except connect.MongoSetupError as error:
        raise ConfigurationError(str(error)) from error
    try:
        master_key = await read_master_key(settings, sealed=await is_sealed(store))
    except StoreUnavailableError as error:
        raise ConfigurationError("The MongoDB server went away while Assent started: start Assent again.") from error
    except MasterKeyError:
        await store.close()
        raise
    return OpenedStore(store, "mongodb", master_key, store.missing_indexes, SHARED)
