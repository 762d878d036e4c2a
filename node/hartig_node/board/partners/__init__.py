"""Partner networks: what is agreed with them and shared, what they say, and what of theirs is here."""
