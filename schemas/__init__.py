"""Everything that programs exchange: messages, the bundle manifest, codecs and the error tree.

Floor 0 in docs/architecture.md.
"""
