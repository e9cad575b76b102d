"""Installations: meters hung at sites and exchanged there, with the reads and tariffs it takes."""
