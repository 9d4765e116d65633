"""HTTP and WebSocket: the webhook door, the console's API and the live socket."""
