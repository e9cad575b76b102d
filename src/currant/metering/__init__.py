"""Meters: the devices, their registers, their relay state, and where each one hangs."""
