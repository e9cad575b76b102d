"""Plans: what accounts pay, and what they are offered.

A price plan is a tariff that is made whole, or imported from the URDB. Agreements are on plans and
offerings in time; an offering takes its inducements off the bill; a building has defaults for those
who move in. What accounts pay is told with the rates and charges of each plan.
"""
