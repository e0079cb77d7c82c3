"""`make bench`: what a turn costs here."""

from bench.turn import main

raise SystemExit(main())
