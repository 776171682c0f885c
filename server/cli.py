"""`assent`: the command line. It only reads arguments; the commands are in server/commands.

Nothing that needs a new Python is loaded before the version is checked.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

OLDEST = (3, 11)
NEWEST = (3, 13)


class _Parser(argparse.ArgumentParser):
    """Errors in one line, as all errors of this program are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"assent: {message} (`{self.prog} --help` shows what there is)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; `command` holds the name of the one asked for."""
    parser = _Parser(prog="assent", description="A FHIR R4 server for medical prior authorization.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "serve", help="run the server (settings: environment, see docs/configuration.md)", allow_abbrev=False
    )
    commands.add_parser("version", help="print the version", allow_abbrev=False)
    _add_token(commands.add_parser("token", help="print an access token", allow_abbrev=False))
    _add_tenant(
        commands.add_parser(
            "tenant", help="create, list and retire tenants, and say how much they validate", allow_abbrev=False
        )
    )
    _add_keys(commands.add_parser("keys", help="change the data keys, and see how far that is", allow_abbrev=False))
    _add_jobs(
        commands.add_parser("jobs", help="see what long work waits, runs or failed, and try it again", allow_abbrev=False)
    )
    fsck = commands.add_parser("fsck", help="check everything in the store of a stopped server", allow_abbrev=False)
    fsck.add_argument("--mend", action="store_true", help="make findable anew what is not found by what it says")
    fsck.add_argument("--json", action="store_true", help="print one JSON object a line")
    reindex = commands.add_parser(
        "reindex", help="make everything findable anew, also while a server runs", allow_abbrev=False
    )
    reindex.add_argument("--status", action="store_true", help="only say whether that is under way, and how far it is")
    _add_backup(commands)
    _add_load(commands)
    _add_terminology(commands.add_parser("terminology", help="load lists of codes from files", allow_abbrev=False))
    _add_audit(
        commands.add_parser("audit", help="tell whether the audit trail is whole, and export it", allow_abbrev=False)
    )
    _add_user(commands.add_parser("user", help="add, list and deactivate those who may sign in", allow_abbrev=False))
    _add_client(commands.add_parser("client", help="add, list and remove apps and services", allow_abbrev=False))
    _add_provider(
        commands.add_parser("provider", help="let people sign in through outside OpenID providers", allow_abbrev=False)
    )
    _add_package(commands.add_parser("package", help="install FHIR packages, list and remove them", allow_abbrev=False))
    return parser


def _add_package(package: argparse.ArgumentParser) -> None:
    package.description = "Profiles, terminology, questionnaires and policies that come as FHIR packages (.tgz, for R4)."
    actions = package.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="install packages, each whole or not at all", allow_abbrev=False)
    add.add_argument("files", nargs="+", metavar="FILE.tgz")
    remove = actions.add_parser("remove", help="delete exactly what a package brought", allow_abbrev=False)
    remove.add_argument("package", metavar="NAME[#VERSION]")
    listing = actions.add_parser(
        "list", help="print name#version, resources, when and by whom it was installed, sha256", allow_abbrev=False
    )
    lock = actions.add_parser(
        "lock", help="print a lock file: what is installed, to be installed elsewhere", allow_abbrev=False
    )
    sync = actions.add_parser(
        "sync", help="install what a lock file names, and see that it is just that", allow_abbrev=False
    )
    sync.add_argument("lockfile", metavar="LOCKFILE")
    sync.add_argument("--from", dest="folder", required=True, metavar="FOLDER", help="where the .tgz files are")
    for action in (add, remove, listing, lock, sync):
        action.add_argument("--tenant", default="default", help="whose packages (default)")


def _add_audit(audit: argparse.ArgumentParser) -> None:
    audit.description = "The audit trail of the store that the settings name (docs/audit.md), also while a server runs."
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser(
        "verify", help="follow the chain; exit code 1 where a link does not hold", allow_abbrev=False
    )
    verify.add_argument("--tenant", metavar="NAME", help="only this tenant's trail (all of them)")
    verify.add_argument("--recent", action="store_true", help="from the newest signed checkpoint that still fits")
    verify.add_argument(
        "--witness", metavar="HEAD", help="a head that was printed before: it must still be part of the trail"
    )
    verify.add_argument("--json", action="store_true", help="print one JSON object a tenant")
    export = actions.add_parser("export", help="write AuditEvents to standard output", allow_abbrev=False)
    export.add_argument("--tenant", default="default", metavar="NAME", help="whose trail (default)")
    export.add_argument("--from", dest="start", metavar="DATE", help="a date or an instant: records made then or later")
    export.add_argument("--to", dest="end", metavar="DATE", help="a date, whose day still counts, or an instant")
    export.add_argument("--format", choices=["ndjson", "csv"], default="ndjson", help="what is written (ndjson)")


def _add_terminology(terminology: argparse.ArgumentParser) -> None:
    terminology.description = "Codes that Assent may not ship (docs/terminology.md), also while a server runs."
    actions = terminology.add_subparsers(dest="action", required=True, metavar="ACTION")
    load = actions.add_parser("load", help="store a list of codes from a file as a CodeSystem", allow_abbrev=False)
    load.add_argument("file", metavar="FILE", help="CSV, or text with tabs or bars, with a header")
    load.add_argument("--url", required=True, help="the URL of the code system")
    load.add_argument("--edition", required=True, help="its version")
    load.add_argument("--name", required=True, help="its name for computers, such as HCPCS")
    load.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="code=..., display=..., definition=..., end=...",
    )
    load.add_argument("--encoding", default="utf-8", help="of the file (utf-8)")
    load.add_argument("--tenant", default="default", help="whose data it becomes (default)")


def _add_load(commands: Any) -> None:
    load = commands.add_parser("load", help="load FHIR resources from files, in large commits", allow_abbrev=False)
    load.description = (
        "Load NDJSON files and JSON documents (resources, Bundles), packed (.gz) or not. Resources keep their ids. "
        "The embedded store's server must be stopped. A load that was interrupted goes on when it is started again."
    )
    load.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder with files")
    load.add_argument("--tenant", default="default", help="whose data it becomes (default)")
    load.add_argument("--unvalidated", action="store_true", help="also where the tenant validates by rules or profiles")


def _add_user(user: argparse.ArgumentParser) -> None:
    user.description = "Accounts of people (docs/accounts.md). A running server knows within a second."
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, meaning: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=meaning, allow_abbrev=False)
        made.add_argument("--tenant", default="default", help="whose account (default)")
        if name != "list":
            made.add_argument("name", metavar="NAME")
        return made

    action("list", "print the accounts, one a line")
    add = action("add", "let somebody sign in with a password that you give them")
    invite = action("invite", "print a link with which somebody chooses a password, and can sign in")
    modify = action("modify", "change what is known of an account; what is not said stays")
    passwd = action("passwd", "give an account another password")
    action("link", "print another link to choose a password")
    action("uninvite", "let the link of an account be good no more")
    action("deactivate", "let somebody sign in no more")
    action("reactivate", "let somebody sign in again")
    action("unlock", "let somebody who typed wrong passwords try again at once")
    action("sign-out", "end all sessions of an account, and what its apps were given")
    action("reset-second-factor", "take the second factor of an account off")
    action("show", "print an account as SCIM tells it")
    action("patch", "change an account by a PATCH of SCIM on standard input")
    action("remove", "take an account away; its name is free")
    identity = action("identity", "link an account with a person of an outside provider, or end that")
    identity.add_argument(
        "--issuer", required=True, metavar="URL", help="the provider's, as `assent provider list` prints it"
    )
    identity.add_argument("--subject", required=True, metavar="ID", help="the person's id (sub) there")
    identity.add_argument("--remove", action="store_true", help="end it")
    for made in (add, passwd):
        made.add_argument("--generate", action="store_true", help="make a password and print it")
    for made in (add, invite, modify):
        made.add_argument(
            "--role",
            action="append",
            required=made is not modify,
            metavar="ROLE",
            help="as for `assent token`; may be repeated",
        )
        made.add_argument("--display", metavar="NAME", help="what the person is called")
        made.add_argument("--fhir-user", metavar="REFERENCE", help="who it is in the records, such as Practitioner/1")
        made.add_argument("--patient", metavar="ID", help="whose record the role patient reads")
        made.add_argument("--specialty", metavar="CODE", help="a code of our specialties, such as cardiology")
        made.add_argument("--email", metavar="ADDRESS", help="where the person can be written to")


def _add_provider(provider: argparse.ArgumentParser) -> None:
    provider.description = "Outside OpenID providers of a tenant (docs/accounts.md). A running server knows at once."
    actions = provider.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="let people sign in through one; the secret is typed", allow_abbrev=False)
    add.add_argument("--issuer", required=True, metavar="URL", help="exactly as its id_tokens name it")
    add.add_argument("--client-id", required=True, metavar="ID", help="what it knows this server by")
    add.add_argument("--title", metavar="TEXT", help="what the button says (the name)")
    methods = ["client_secret_basic", "client_secret_post", "none"]
    add.add_argument("--method", choices=methods, default=methods[0], help="how this server proves itself there")
    add.add_argument("--scope", default="openid profile email", help="what is asked for (openid profile email)")
    add.add_argument(
        "--algorithm", action="append", metavar="ALG", help="of its signatures (RS256 and ES256); may be repeated"
    )
    add.add_argument(
        "--role-claim", metavar="CLAIM", help="the claim that tells roles; without it accounts are linked by hand"
    )
    add.add_argument(
        "--role", action="append", metavar="VALUE=ROLE", help="what a value of the claim gives; may be repeated"
    )
    add.add_argument("--by-email", action="store_true", help="link an account by an address that the provider verified")
    add.add_argument("--parameter", action="append", metavar="NAME=VALUE", help="goes along to its page; may be repeated")
    remove = actions.add_parser("remove", help="let nobody sign in through one any more", allow_abbrev=False)
    listing = actions.add_parser("list", help="print the providers, one a line", allow_abbrev=False)
    for action in (add, remove):
        action.add_argument("id", metavar="NAME")
    for action in (add, remove, listing):
        action.add_argument("--tenant", default="default", help="whose provider (default)")


def _add_client(client: argparse.ArgumentParser) -> None:
    client.description = (
        "Apps and services that may ask for tokens (docs/smart.md). A running server knows within a second."
    )
    actions = client.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a client known", allow_abbrev=False)
    kinds = ["public", "secret", "keys", "backend"]
    add.add_argument(
        "--kind", choices=kinds, required=True, help="how it proves itself; backend: keys, and no person asked"
    )
    add.add_argument("--name", help="what people are shown (the id)")
    add.add_argument("--redirect-uri", action="append", metavar="URI", help="where answers go; may be repeated")
    add.add_argument("--launch-uri", metavar="URI", help="where an EHR starts it")
    add.add_argument("--scope", metavar="SCOPES", help="the most that it may have; needed for backend")
    add.add_argument("--role", action="append", metavar="ROLE", help="of a backend service; may be repeated")
    add.add_argument("--jwks", metavar="FILE", help="its public keys")
    add.add_argument("--jwks-uri", metavar="URL", help="where its public keys are")
    remove = actions.add_parser("remove", help="know a client no more", allow_abbrev=False)
    listing = actions.add_parser("list", help="print the clients, one a line", allow_abbrev=False)
    for action in (add, remove):
        action.add_argument("id", metavar="ID")
    for action in (add, remove, listing):
        action.add_argument("--tenant", default="default", help="whose client (default)")


def _add_backup(commands: Any) -> None:
    backup = commands.add_parser(
        "backup",
        aliases=["export"],
        help="write everything to a file that either engine can be made from, also while the server runs",
        allow_abbrev=False,
    )
    backup.add_argument("file", metavar="FILE", help="a new file (- is standard output); sealed, without the master key")
    backup.add_argument("--copy", action="store_true", help="copy the embedded store's own file instead: faster, unsigned")
    backup.set_defaults(command="backup")
    restore = commands.add_parser(
        "restore", aliases=["import"], help="make an empty store from a backup, on either engine", allow_abbrev=False
    )
    restore.add_argument("file", metavar="FILE", help="what `assent backup` made (- is standard input)")
    restore.set_defaults(command="restore")


def _add_keys(keys: argparse.ArgumentParser) -> None:
    keys.description = "The keys that the tenants' data is sealed under, and the master key around them."
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "rotate",
        help="give every tenant a new key; a running server, or the next one, seals everything anew",
        allow_abbrev=False,
    )
    rewrap = actions.add_parser("rewrap", help="put the tenants' keys under another master key", allow_abbrev=False)
    rewrap.add_argument(
        "--new-master-key-file", required=True, metavar="FILE", help="holds 32 bytes in hexadecimal or base64; mode 0600"
    )
    actions.add_parser("status", help="print each tenant's keys and how far the sealing is", allow_abbrev=False)


def _add_jobs(jobs: argparse.ArgumentParser) -> None:
    jobs.description = (
        "Durable work of the store that the settings name: requests done later, decisions that are due, upkeep."
    )
    actions = jobs.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="print those that wait, run or failed, one a line", allow_abbrev=False)
    listing.add_argument("--all", action="store_true", help="also those that are done or were cancelled")
    for name, meaning in (
        ("show", "print how one stands, who asked for it, and why it failed"),
        ("retry", "let a failed one be done again, from where it stood"),
        ("cancel", "let nobody do it any more; what it stored stays"),
    ):
        action = actions.add_parser(name, help=meaning, allow_abbrev=False)
        action.add_argument("job", metavar="JOB", type=_job_number, help="its number in the list")


def _job_number(text: str) -> int:
    """Raises ArgumentTypeError, also for a number that no store can hold."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise argparse.ArgumentTypeError("a job is named by its number, as `assent jobs list` prints it")
    return int(text)


def _add_tenant(tenant: argparse.ArgumentParser) -> None:
    tenant.description = "Tenants of the store that the settings name. A running server knows within a second."
    actions = tenant.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a tenant with keys of its own", allow_abbrev=False)
    create.add_argument("name", metavar="NAME", help="1 to 63 lower-case letters, digits and inner hyphens")
    actions.add_parser("list", help="print the tenants, one a line", allow_abbrev=False)
    retire = actions.add_parser("retire", help="let a tenant answer nothing any more; its data stays", allow_abbrev=False)
    retire.add_argument("name", metavar="NAME")
    _add_validation(actions)
    _add_second_factor(actions)
    consent = actions.add_parser(
        "consent", help="print or change what holds where patients' consents say nothing", allow_abbrev=False
    )
    consent.add_argument("name", metavar="NAME")
    consent.add_argument("rule", choices=["show", "opt-out", "opt-in", "default"], metavar="RULE")
    consent.description = (
        "RULE is opt-out (what nobody has denied is shown) or opt-in (what nobody has permitted is hidden); default: what "
        "ASSENT_CONSENT says; show: change nothing."
    )


def _add_second_factor(actions: Any) -> None:
    factor = actions.add_parser(
        "second-factor", help="print or change of whom a second factor is wanted at sign-in", allow_abbrev=False
    )
    factor.add_argument("name", metavar="NAME")
    factor.add_argument("rule", choices=["show", "optional", "administrators", "everybody", "default"], metavar="RULE")
    factor.description = "RULE is optional (of nobody), administrators or everybody; default: what ASSENT_SECOND_FACTOR says; show: change nothing."


def _add_validation(actions: Any) -> None:
    validation = actions.add_parser(
        "validation", help="print or change how much a tenant validates before it stores", allow_abbrev=False
    )
    validation.add_argument("name", metavar="NAME")
    validation.add_argument("level", choices=["show", "off", "base", "profile", "default"], metavar="LEVEL")
    validation.add_argument("--type", metavar="TYPE", help="for this resource type; without it for all that are not named")
    validation.description = (
        "LEVEL is off, base or profile (docs/validation.md); default: what ASSENT_VALIDATION says; show: change nothing."
    )


def _add_token(token: argparse.ArgumentParser) -> None:
    token.description = "Print an access token, signed with the key in the server's data folder (ASSENT_DATA)."
    token.add_argument(
        "--role",
        action="append",
        required=True,
        metavar="ROLE",
        help="administrator, doctor, staff, payer, auditor or patient; may be repeated",
    )
    token.add_argument("--tenant", default="default", help="whose data (default)")
    token.add_argument("--scope", metavar="SCOPES", help='SMART scopes, such as "user/Claim.cruds user/Patient.rs"')
    token.add_argument("--patient", metavar="ID", help="the patient in context; without --scope, the only one reached")
    token.add_argument("--fhir-user", metavar="REFERENCE", help="who it is, such as Practitioner/1")
    token.add_argument("--subject", metavar="NAME", help="the name in the audit record (the first role)")
    token.add_argument(
        "--purpose",
        action="append",
        metavar="CODE",
        help="a purpose of use (TREAT, HPAYMT, ...) that it is good for; may be repeated",
    )
    token.add_argument("--expires", metavar="TIME", help="how long it is good: 90s, 30m, 8h, 7d (ASSENT_TOKEN_TTL)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the result is the process's exit code."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        print(f"assent: Assent needs Python 3.11 to 3.13, and this is Python {found}.", file=sys.stderr)
        return 2
    arguments = build_parser().parse_args(argv)
    code: int = import_module("server.commands").run(arguments, os.environ)
    return code


if __name__ == "__main__":
    sys.exit(main())
