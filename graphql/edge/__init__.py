"""The edge agent: the small server a hospital runs beside its PACS. Its own environment (graphene)."""
