"""StructureDefinitions: element ids, snapshots from differentials, and what an ElementDefinition says (R4 profiling.html)."""
