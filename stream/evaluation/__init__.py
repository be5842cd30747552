"""Evaluation: outcomes, the gate for challengers, and the rollback rule for promoted champions.

    labels ─► outcome ─► weight ┐
    decisions, shadow scores ───┴► Pairs ─► closed cohorts ─► Evidence ─► evaluate_gate ─► promote, keep or continue
                                              Plan, frozen before the first cohort ┘

No I/O, no clock: the caller passes in the watermark, and stores each cohort's evidence as soon as it has been taken.

This package belongs to floor 1 of the import order in docs/architecture.md.
"""
