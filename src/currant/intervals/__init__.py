"""Interval data: one row for a register and day, as its meter data file tells it.

A file is read whole or not at all; its days find their registers by NMI, meter and data stream, and
what finds none is noted with the reason. A later file corrects an earlier one, whose days stay.
"""
