"""The page for people: what goes through, what alerts, who decides; and what an analyst has to say about it."""
