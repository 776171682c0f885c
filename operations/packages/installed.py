"""Which packages a tenant has installed, what they still lack, and what rests on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from operations.packages.contents import GUIDE
from operations.packages.package_name import CORE, PackageName, fits
from operations.packages.record import TAG, InstalledPackage, read_record
from operations.ports import Records
from profiles.outcome import Issue, refuse

MOST_PACKAGES: Final = 500


async def find_installed(records: Records, package: PackageName) -> InstalledPackage | None:
    """The package, if it is installed."""
    record = await records.read(GUIDE, package.record_id)
    return None if record is None else read_record(record)


async def installed_packages(records: Records) -> list[InstalledPackage]:
    """All of them, in the order of names and versions."""
    found = await records.search(GUIDE, {"_tag": f"{TAG['system']}|{TAG['code']}"}, MOST_PACKAGES)
    return sorted((one for one in map(read_record, found) if one is not None), key=lambda one: one.package)


async def named(records: Records, name: str, version: str | None) -> InstalledPackage:
    """The installed package of that name. Raises FhirError: not-found, or package-in-use where there are several versions."""
    candidates = [
        one
        for one in await installed_packages(records)
        if one.package.name == name and version in {None, one.package.version}
    ]
    if not candidates:
        raise refuse("not-found", "No package of that name and version is installed.")
    if len(candidates) > 1:
        listed = ", ".join(str(one.package) for one in candidates)
        raise refuse("parameter-value", f"Several versions are installed, so say which: {listed}.")
    return candidates[0]


def missing(dependencies: Sequence[tuple[str, str]], present: Iterable[PackageName]) -> list[Issue]:
    """A warning for each dependency that is not there. R4 is."""
    packages = list(present)
    return [
        Issue(
            "package-dependency",
            f"It builds on {name}#{version}, which is not installed: of that, only what is built in is known.",
            severity="warning",
        )
        for name, version in dependencies
        if name != CORE and not any(name == one.name and fits(one.version, version) for one in packages)
    ]


def dependents(package: PackageName, present: Iterable[InstalledPackage]) -> list[PackageName]:
    """The other installed packages that build on this one, and have no other version that would do."""
    others = [one for one in present if one.package != package]
    versions = [one.package.version for one in others if one.package.name == package.name]
    return [
        one.package
        for one in others
        for name, wanted in one.dependencies
        if name == package.name and fits(package.version, wanted) and not any(fits(version, wanted) for version in versions)
    ]
