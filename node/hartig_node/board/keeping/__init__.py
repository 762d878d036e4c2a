"""What a hub does by itself about deals and own posts."""
