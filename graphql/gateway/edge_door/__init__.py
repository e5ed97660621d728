"""Where edge agents that dial out fetch their questions."""
