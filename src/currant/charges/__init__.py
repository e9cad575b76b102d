"""One-off and recurring charges, and services without meters."""
