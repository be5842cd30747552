"""Reference pages, generated from the code that they describe.

`python -m deploy.reference` writes every file in `FILES`; a test fails when one of them is stale. Each module renders
one subject. Edit the code that a page describes, never the page.
"""
