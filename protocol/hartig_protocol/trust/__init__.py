"""Who may say what: computed from the charter downward, rank by rank, and from nothing but the set of records."""
