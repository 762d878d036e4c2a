"""Partner networks: agreements, what crosses, and the cores that keep it apart (SPEC, part X)."""
