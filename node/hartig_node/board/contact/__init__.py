"""How the people of one deal reach each other."""
