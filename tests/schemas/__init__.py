"""What crosses a boundary: the codec and the published contracts."""
