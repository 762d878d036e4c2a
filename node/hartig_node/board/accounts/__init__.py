"""The account of each post: what was said of it, how far it has come, and what it still allows."""
