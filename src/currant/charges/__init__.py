"""One-off and recurring charges, and services without meters.

A *charge* is an amount on a day, approved before it is invoiced. A *service* is an agreement that
no meter measures (telco, ISP): its *line items* are charged once or by the month. Neither posts
anything; an invoice does.
"""
