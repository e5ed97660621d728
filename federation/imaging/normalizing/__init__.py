"""Steps by which the text of an order or study becomes a canonical procedure; each step is pure."""
