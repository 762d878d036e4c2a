"""What people and programs write of a post, and what they are shown of it."""
