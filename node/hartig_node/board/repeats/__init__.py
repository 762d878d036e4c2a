"""Rules of repetition (RFC 5545), and the moments that they name."""
