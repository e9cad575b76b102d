"""Determinants: what a tariff prices, from the intervals of agreements. Stage one of the kernel.

`summing.py` goes from register-days to energy per time-of-use bucket, the highest demand and the
days; `spark.py` does so where the days are too many for one machine, from the folder of Parquet
that `folder.py` writes. Nothing is stored here: intervals are summed as they stand.
"""
