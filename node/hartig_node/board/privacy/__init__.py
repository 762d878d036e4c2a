"""What people should look at once more before a text leaves for everybody (design, P5)."""
