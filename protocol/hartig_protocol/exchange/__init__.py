"""What follows from what was said: chains of steps and how they are judged, deals and what people see of them."""
