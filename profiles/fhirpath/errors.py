"""What can go wrong with a FHIRPath expression, always with its place in the text (FHIRPath 2.0 4.1, 5: "signal an error").

FhirPathError                    code, message, position (characters from the start of the expression)
    code "fhirpath-syntax"       the text is no FHIRPath
    code "fhirpath-semantic"     it can never be evaluated: unknown function, wrong number of arguments, types that do not fit
    code "fhirpath-evaluation"   evaluating it on this resource fails: many items where one is meant, types that do not fit
    code "fhirpath-limit"        it is too long, too deep, or its evaluation takes more steps than allowed
    code "fhirpath-unsupported"  it needs a service (references, terminology, profiles) that was not given
"""

from __future__ import annotations

from typing import Final, Literal

from profiles.outcome import FhirError, Issue, refuse

ErrorCode = Literal["fhirpath-syntax", "fhirpath-semantic", "fhirpath-evaluation", "fhirpath-limit", "fhirpath-unsupported"]
SYNTAX: Final = "fhirpath-syntax"
SEMANTIC: Final = "fhirpath-semantic"
EVALUATION: Final = "fhirpath-evaluation"
LIMIT: Final = "fhirpath-limit"
UNSUPPORTED: Final = "fhirpath-unsupported"


class FhirPathError(Exception):
    """An expression that cannot be read or evaluated. The message names kinds of values, never a value of a resource."""

    def __init__(self, code: ErrorCode, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.position = position

    def __str__(self) -> str:
        return self.message if self.position is None else f"{self.message} (at character {self.position})"

    def issue(self, expression: str | None = None) -> Issue:
        """The same as an issue of an OperationOutcome; `expression` is where in a resource it arose."""
        return Issue(self.code, str(self), expression)

    def refusal(self, expression: str | None = None) -> FhirError:
        """The same as the refusal of a request."""
        return refuse(self.code, str(self), expression)
