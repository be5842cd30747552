"""Everything that programs exchange: messages, the bundle manifest, codecs and the error tree.

This package belongs to floor 0 of the import order in docs/architecture.md.
"""
