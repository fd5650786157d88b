"""Other ASGI apps and middleware, and how requests get there and back."""
