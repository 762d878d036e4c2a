"""What people at a hub do about what others say: hide it here, for this hub alone, or flag it, for everybody."""
