"""What models did, judged by numbers alone (floor 1)."""
