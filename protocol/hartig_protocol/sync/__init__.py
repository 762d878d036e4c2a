"""How records get everywhere: messages, hello, cursor, live forwarding, audit."""
