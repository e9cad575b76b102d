"""Work orders: what is done at a site, by whom and when."""
