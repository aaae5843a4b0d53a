"""Settings of a chain so small that it runs in about a minute; what it finds means nothing."""

SMALL = {
    "data.demo.users": 260,
    "target.epochs": 5,
    "align.modes": "intention hybrid",
    "align.rows_behavior": 320,
    "align.rows_intention": 640,
    "align.rows_hybrid": 480,
    "align.own_words": 32,
    "align.fit.save_steps": 4,
    "evaluate.users": 24,
    "evaluate.ranking_users": 12,
    "evaluate.free_users": 0,
    "evaluate.pairs": 8,
    "evaluate.rated": 8,
    "evaluate.sources": 24,
}
CORE = ("data", "target", "tasks", "alignments", "effect")
