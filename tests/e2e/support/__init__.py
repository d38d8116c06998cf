"""What the end-to-end tests share: real processes, a recording tap between them, and a raw WebSocket client."""
