"""`make bench`: what a turn costs here, and a decision, and a proof."""

from bench import rules, turn

raise SystemExit(max(turn.main(), rules.main([])))
