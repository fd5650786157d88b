"""What comes in: connections, requests, their bodies and forms."""
