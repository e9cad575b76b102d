"""Vends: a tender is quoted, taken and shared out, once, with a receipt that explains it.

`split.py` shares a tender out between arrears, open fixed charges and energy. The wallet it fills
is prepayment's, the arrears it pays are receivables', the batch it is taken into is batches'.
"""
