"""Prepayment: wallets. A wallet belongs to an account and holds money, or energy in Wh."""
