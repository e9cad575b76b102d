"""Moving in and moving out, each with all that it takes."""
