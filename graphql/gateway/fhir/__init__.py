"""The FHIR R4 doors of the master patient index."""
