"""An order system that is a FHIR R4 server: `docs/fhir.md` has the mapping."""
