"""FHIRPath Patch (FHIR R4, fhirpatch.html): operations in a Parameters resource, whose paths are FHIRPath.

from profiles import fhirpath_patch
operations = fhirpath_patch.read_patch(parameters)
fhirpath_patch.apply_patch(operations, resource)      # changes the resource, which is the caller's own
"""

from profiles.fhirpath_patch.apply import apply_patch
from profiles.fhirpath_patch.read import MAX_OPERATIONS, Operation, read_patch

__all__ = ["MAX_OPERATIONS", "Operation", "apply_patch", "read_patch"]
