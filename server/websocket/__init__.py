"""WebSocket (RFC 6455), as far as a server needs it that sends text and is told little."""
