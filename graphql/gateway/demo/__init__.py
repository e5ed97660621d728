"""The demo: the hub and four hospitals that speak real protocols, on loopback, with an embedded store."""
