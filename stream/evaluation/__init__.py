"""Whether a challenger is better than the champion, judged on what became of the same transactions.

    labels ─► outcome ─► weight ┐
    decisions, shadow scores ───┴► Pairs ─► closed cohorts ─► Evidence ─► judge ─► promote, keep or continue
                                              Plan, frozen before the first of them ┘

Pure: no I/O, no clock. The caller brings the watermark, and keeps each cohort's evidence once it is taken.
"""
