"""What accounts owe over time: history, ageing, statements."""
