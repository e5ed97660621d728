"""Ways to a session other than a pasted token: the hospital's identity provider, and EHRs that open a patient."""
