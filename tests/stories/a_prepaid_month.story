# A prepaid month of two customers, told line by line. Times are New York's.
# An indented line says what must then be true.

2026-03-01 09:00  tax 0.05
2026-03-01 09:00  tariff HOME linear 0.30
2026-03-01 09:00  tariff SHOP blocks 0 at 0.25, 100 at 0.35

# Ringo pays as he goes with money in his wallet and brings a debt from the old system.
2026-03-01 09:05  supply 5001 Ringo Starr at 1009001 through M1 on HOME, currency wallet, opening read 100
2026-03-01 09:10  arrears 5001 20.00 on plan 25%
2026-03-01 09:15  vend M1 cash 50.00
                  arrears 12.50, energy 37.50
                  wallet M1 $37.50

# Palmer buys units for the shop: 100 kWh at 0.25 and the rest at 0.35, with tax.
2026-03-01 09:20  supply 5002 Palmer Guy at 1009002 through M2 on SHOP, units wallet, opening read 0
2026-03-01 09:30  vend M2 card 40.00
                  arrears 0, energy 40.00
                  line B1 100 kWh net 25.00 tax 1.25
                  line B2 37.415 kWh net 13.10 tax 0.65
                  wallet M2 137.42 kWh

# 10.5 kWh cost 3.15 and 0.16 tax.
2026-03-02 00:10  read M1 110.5 at 2026-03-02 00:00
                  wallet M1 $34.19

# 21 kWh cost 6.30 and 0.32 tax (0.315 goes up); the second day is charged the difference.
2026-03-03 00:10  read M1 121.0 at 2026-03-03 00:00
                  wallet M1 $30.88

# A read that comes late lies between the two and changes nothing.
2026-03-03 08:00  read M1 115.0 at 2026-03-02 12:00
                  wallet M1 $30.88

# The head-end corrects the last read to 120.0: 20 kWh cost 6.00 and 0.30 tax.
2026-03-03 09:00  read M1 120.0 at 2026-03-03 00:00
                  wallet M1 $31.20

# The same file again changes nothing.
2026-03-03 09:30  read M1 120.0 at 2026-03-03 00:00
                  wallet M1 $31.20

2026-03-10 00:10  read M2 30.0 at 2026-03-10 00:00
                  wallet M2 107.42 kWh

2026-03-12 10:00  fund currency 5001 5.00
                  wallet M1 $36.20
2026-03-12 10:05  debit units 5002 7.415
                  wallet M2 100 kWh

2026-03-12 11:00  books
                  1000  USD   90.00
                  1100  USD    7.50
                  2100  USD  -36.20
                  2200  USD   -2.20
                  4005  USD  -44.10
                  5100  USD    5.00
                  9100  USD  -20.00
                  U100  Wh  -100000
                  U300  Wh   137415
                  U400  Wh   -30000
                  U500  Wh    -7415
