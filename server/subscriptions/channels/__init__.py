"""How a notification gets to its subscriber: rest-hook, e-mail, websocket."""
