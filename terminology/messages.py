"""Every sentence of a terminology answer, by HL7's message id: what a client may act on is the id, the type and the place.

Codes and URLs are named: they are the caller's own question, and come from published definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from terminology.issues import Severity, TerminologyError, TxIssue


def _or(items: Iterable[str]) -> str:
    return " or ".join(items)


# -- value sets ---------------------------------------------------------------------------------------------------------------
def unknown_value_set(canonical: str) -> TxIssue:
    words = f"There is no value set '{canonical}' here."
    return TxIssue("error", "not-found", "not-found", "Unable_to_resolve_value_Set_", words)


def pinned_value_set_missing(canonical: str, pinned: str) -> TxIssue:
    words = f"The request pins the imported value set '{canonical}' to version {pinned}, which is not here."
    return TxIssue("error", "not-found", "not-found", "VS_EXP_IMPORT_UNK_PINNED", words)


def circular(path: Sequence[str]) -> TerminologyError:
    words = f"The value set '{path[-1]}' takes part in its own definition."
    way = " -> ".join(path)
    issue = TxIssue(
        "error", "processing", "vs-invalid", "VALUESET_CIRCULAR_REFERENCE", words, diagnostics=f"Import path: {way}"
    )
    return TerminologyError(issue)


def too_costly(what: str) -> TerminologyError:
    return TerminologyError(TxIssue("error", "too-costly", "too-costly", "VALUESET_TOO_COSTLY", what))


def filter_without_value(system: str, property: str, op: str, place: str) -> TerminologyError:
    words = f"A filter on {system} (property {property}, operator {op}) gives no value to compare with."
    issue = TxIssue("error", "invalid", "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE", words, place)
    return TerminologyError(issue)


def bad_filter(words: str, place: str) -> TerminologyError:
    return TerminologyError(TxIssue("error", "invalid", "vs-invalid", "FILTER_NOT_UNDERSTOOD", words, place))


def supplement_missing(canonical: str) -> TerminologyError:
    words = f"A required supplement is not here: {canonical}"
    return TerminologyError(TxIssue("error", "not-found", "not-found", "VALUESET_SUPPLEMENT_MISSING", words))


# -- code systems ------------------------------------------------------------------------------------------------------------
def unknown_system(system: str, place: str | None) -> TxIssue:
    words = f"The content of the code system '{system}' is not here, so codes of it cannot be checked."
    return TxIssue("error", "not-found", "not-found", "UNKNOWN_CODESYSTEM", words, place)


def unknown_version(system: str, version: str, versions: Sequence[str], place: str | None) -> TxIssue:
    words = f"Version '{version}' of the code system '{system}' is not here, so codes of it cannot be checked. Known: {_or(versions)}."
    return TxIssue("error", "not-found", "not-found", "UNKNOWN_CODESYSTEM_VERSION", words, place)


def not_expandable(system: str, version: str | None, versions: Sequence[str]) -> TerminologyError:
    if version is None:
        words = f"The content of the code system '{system}' is not here, so the value set cannot be expanded."
        return TerminologyError(TxIssue("error", "not-found", "not-found", "UNKNOWN_CODESYSTEM_EXP", words))
    words = f"Version '{version}' of the code system '{system}' is not here, so the value set cannot be expanded. Known: {_or(versions)}."
    return TerminologyError(TxIssue("error", "not-found", "not-found", "UNKNOWN_CODESYSTEM_VERSION_EXP", words))


def version_not_allowed(system: str, version: str, required: str, place: str | None) -> TxIssue:
    words = f"Version '{version}' of '{system}' may not be used: the request asks for '{required}'."
    return TxIssue("error", "exception", "version-error", "VALUESET_VERSION_CHECK", words, place)


def version_mismatch(system: str, included: str, given: str, place: str) -> TxIssue:
    words = f"The value set includes version '{included}' of '{system}', and the code is given in version '{given}'."
    return TxIssue("error", "invalid", "vs-invalid", "VALUESET_VALUE_MISMATCH", words, place)


def version_mismatch_forced(system: str, forced: str, included: str, given: str, place: str) -> TxIssue:
    words = (
        f"The request puts version '{forced}' of '{system}' in place of '{included}', and the code is given in '{given}'."
    )
    return TxIssue("error", "invalid", "vs-invalid", "VALUESET_VALUE_MISMATCH_CHANGED", words, place)


def version_mismatch_default(system: str, used: str, given: str, place: str) -> TxIssue:
    words = f"The value set names no version of '{system}'; '{used}' was used, and the code is given in '{given}'."
    return TxIssue("warning", "invalid", "vs-invalid", "VALUESET_VALUE_MISMATCH_DEFAULT", words, place, spoken=False)


def supplement_as_system(canonical: str, place: str) -> TxIssue:
    words = f"{canonical} is a supplement: it adds to a code system and is none, so no code can be of it."
    return TxIssue("error", "invalid", "invalid-data", "CODESYSTEM_CS_NO_SUPPLEMENT", words, place)


def value_set_as_system(url: str, place: str) -> TxIssue:
    words = f"'{url}' is a value set; a Coding names the code system of its code."
    return TxIssue("error", "invalid", "invalid-data", "Terminology_TX_System_ValueSet2", words, place)


def relative_system(place: str) -> TxIssue:
    return TxIssue(
        "error",
        "invalid",
        "invalid-data",
        "Terminology_TX_System_Relative",
        "A code system is named by an absolute URI.",
        place,
    )


def no_system(place: str) -> TxIssue:
    words = "The Coding names no code system, and a code alone means nothing: it cannot be checked."
    return TxIssue("warning", "invalid", "invalid-data", "Coding_has_no_system__cannot_validate", words, place)


# -- codes ----------------------------------------------------------------------------------------------------------------------
def unknown_code(code: str, system: str, version: str | None, place: str) -> TxIssue:
    edition = f" (version {version})" if version else ""
    words = f"The code system '{system}'{edition} has no code '{code}'."
    return TxIssue("error", "code-invalid", "invalid-code", "Unknown_Code_in_Version", words, place)


def unknown_in_fragment(code: str, system: str, version: str | None, place: str) -> TxIssue:
    edition = f" (version {version})" if version else ""
    words = f"Only a part of '{system}'{edition} is here, and '{code}' is not in it: the code may still be valid."
    return TxIssue("warning", "code-invalid", "invalid-code", "UNKNOWN_CODE_IN_FRAGMENT", words, place, spoken=False)


def not_in_value_set(coding: str, value_set: str, place: str, *, one_of_many: bool) -> TxIssue:
    words = f"The code {coding} is not in the value set '{value_set}'."
    severity: Severity = "information" if one_of_many else "error"
    kind = "this-code-not-in-vs" if one_of_many else "not-in-vs"
    return TxIssue(severity, "code-invalid", kind, "None_of_the_provided_codes_are_in_the_value_set_one", words, place)


def no_coding_in_value_set(value_set: str) -> TxIssue:
    words = f"None of the codings is in the value set '{value_set}'."
    return TxIssue("error", "code-invalid", "not-in-vs", "TX_GENERAL_CC_ERROR_MESSAGE", words)


def cannot_infer(code: str, value_set: str, systems: Sequence[str], searched: Sequence[str]) -> TxIssue:
    if systems:
        words = f"The code '{code}' stands for several systems in '{value_set}': {', '.join(systems)}."
        name = "Unable_to_resolve_system__value_set_has_multiple_matches"
    else:
        words = f"No system of '{value_set}' has the code '{code}' (looked in {', '.join(searched)})."
        name = "UNABLE_TO_INFER_CODESYSTEM"
    return TxIssue("error", "not-found", "cannot-infer", name, words, "code")


def abstract_code(coding: str, place: str) -> TxIssue:
    words = f"{coding} only groups other codes, and such a code is not allowed here."
    return TxIssue("error", "business-rule", "code-rule", "ABSTRACT_CODE_NOT_ALLOWED", words, place)


def inactive_not_allowed(code: str, place: str) -> TxIssue:
    words = f"The code '{code}' exists, but it is not active, and only active codes are allowed here."
    return TxIssue("error", "business-rule", "code-rule", "STATUS_CODE_WARNING_CODE", words, place)


def inactive_code(code: str, status: str, place: str) -> TxIssue:
    words = f"The code '{code}' is {status}: think again before using it."
    return TxIssue("warning", "business-rule", "code-comment", "INACTIVE_CONCEPT_FOUND", words, place)


def deprecated_in_value_set(code: str, system: str, value_set: str, place: str) -> TxIssue:
    words = f"The value set {value_set} marks '{code}' of '{system}' as deprecated."
    return TxIssue("warning", "business-rule", "code-comment", "CONCEPT_DEPRECATED_IN_VALUESET", words, place, spoken=False)


def reference_status(status: str, kind: str, canonical: str) -> TxIssue:
    words = f"The {kind} {canonical} is {status}."
    name = f"MSG_{status.upper()}"
    return TxIssue("information", "business-rule", "status-check", name, words, spoken=False)


# -- displays -------------------------------------------------------------------------------------------------------------------
def wrong_display(
    display: str,
    coding: str,
    valid: Sequence[tuple[str, str | None]],
    languages: str,
    place: str,
    severity: Severity,
    *,
    space: bool,
) -> TxIssue:
    """`valid`: the displays that would do, each with its language."""
    choices = _or(f"'{value}' ({language})" if language else f"'{value}'" for value, language in valid[:10])
    how = " (the white space differs)" if space else ""
    words = f"'{display}' is not a display of {coding}{how}; expected: {choices} (languages asked for: {languages})."
    name = (
        "Display_Name_WS_for__should_be_one_of__instead_of" if space else "Display_Name_for__should_be_one_of__instead_of"
    )
    return TxIssue(severity, "invalid", "invalid-display", name, words, place)


def no_display_in_language(
    display: str, coding: str, languages: str, default: str | None, place: str, severity: Severity
) -> TxIssue:
    """The code has no display in the languages asked for; an information where `display` is right in the default language."""
    right = severity == "information"
    words = f"{coding} has no display in the languages asked for ({languages}). "
    words += (
        f"'{display}' is right in the default language." if right else f"'{display}' is wrong; the default is '{default}'."
    )
    name = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK" if right else "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"
    return TxIssue(severity, "invalid", "invalid-display", name, words, place)


def outdated_display(display: str, code: str, status: str, valid: Sequence[str], place: str) -> TxIssue:
    words = f"'{display}' was a display of '{code}' and is {status} now; use {_or(repr(value) for value in valid[:10])}."
    return TxIssue("warning", "invalid", "display-comment", "INACTIVE_DISPLAY_FOUND", words, place, spoken=False)


# -- closure tables ------------------------------------------------------------------------------------------------------------
def closure_unknown() -> TerminologyError:
    words = "There is no closure table of this name: begin it by a call with the name alone."
    return bad_request(words, "name", type="not-found", status=404)


def closure_out_of_order() -> TerminologyError:
    words = "The closure table has no such version since it was begun: begin it anew by a call with the name alone."
    return bad_request(words, "version", type="conflict", status=422)


def closure_many(most: int) -> TerminologyError:
    words = f"There are {most} closure tables already; those that nobody uses are forgotten after a year."
    return TerminologyError(TxIssue("error", "too-costly", "too-costly", None, words, "name"))


# -- requests ------------------------------------------------------------------------------------------------------------------
def bad_request(words: str, place: str | None = None, *, type: str = "invalid", status: int = 400) -> TerminologyError:
    return TerminologyError(TxIssue("error", type, "", None, words, place), status)
