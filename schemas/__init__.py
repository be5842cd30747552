"""Everything that crosses a boundary: messages, the bundle manifest, codecs and the error tree (floor 0)."""
