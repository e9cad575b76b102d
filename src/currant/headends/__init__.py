"""Head-ends: what is asked of meters through the systems that reach them."""
