"""Usage over time, and the determinants that a tariff prices."""
