"""The pages: server-rendered, on top of the published operations. See ``routes`` for the list of them."""
