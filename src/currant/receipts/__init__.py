"""Receipts: money that came in, its allocation, suspense, dishonour and refund, and bonds."""
