"""How the tables came to be, one step a file: expand, migrate, contract.

Run by ``adapters.store.migrate``; there is no way down, a backup is the way back. A step never changes once it was
released, so it names tables and types itself and imports none of them.
"""
