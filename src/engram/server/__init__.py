"""The light process: REST, WebSocket and pages; never imports torch."""
