"""What we hold: which version stands, what is due to go, what waits, and the fingerprint of it all."""
