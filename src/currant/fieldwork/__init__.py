"""Fieldwork: orders for somebody to go to a site, and the reads that are taken there.

What an order does to the site and its meters happens when it is complete.
"""
