"""Blue-green releases: a new version runs beside the old one, proves itself, and takes over or is rolled back.

Two tracks, blue and green, run the same programs in slots of their own. One of them serves; the other is free for the
next release. `rollout.py` has the order of the steps and the way back, `watch.py` compares the tracks while both
decide, and a target (`target.py`) knows how programs are started and stopped where the release runs.
"""
