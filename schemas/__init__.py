"""What crosses a boundary: messages, the bundle manifest, the codec and the error tree (floor 0)."""
