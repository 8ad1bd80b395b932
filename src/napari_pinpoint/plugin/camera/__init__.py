"""The user's cameras, and the form that asks for them."""
