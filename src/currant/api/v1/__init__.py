"""The native API, `/v1`: what the foreign APIs lack, in plain REST with problem+json errors."""
