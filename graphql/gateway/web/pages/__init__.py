"""One module a page. A page asks published operations, makes a view of the answers, and renders it."""
