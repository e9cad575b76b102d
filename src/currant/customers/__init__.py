"""Customers, their accounts, and the agreements under which a location is supplied.

An account is numbered by us (`03280`) and may carry the utility's own key (`contract`).
"""
