"""Pages and JSON for people who work with the line or learn it. Reads the record; acts only through the switchboard."""
