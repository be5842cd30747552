"""`fraud-stream bench`: the worker's speed and memory beside other ways to do the same work (floor 5)."""
