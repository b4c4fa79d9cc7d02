"""How the store's tables came to be: an environment of Alembic, one revision a file in `versions`.

`revisions.upgrade` runs them. A new one is written by hand, named in `revisions.HEAD`, and never changed once
it is out; a test compares where they lead with `tables`.
"""
