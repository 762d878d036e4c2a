"""Who asks, who promises, what is handed over, what arrives."""
