"""CDS Hooks: the duplicate check as cards in the ordering system. Source: CDS Hooks 2.0.1."""
