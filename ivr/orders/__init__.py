"""The order system: what we ask of it (`port`), how over REST (`rest`), one to practise with (`sandbox`)."""
