"""A call of each method on the running example, and what it answers at least.

Of a method that is called several times, each call is of another kind. `rows` says how many rows
there are, `first` what stands in the first of them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

ACCOUNT, SITE, BUILDING = "03280", "4103000012", "TWR01"
AUGUST = {"start_date": "2024-08-01", "end_date": "2024-08-31"}
LINE = {
    "account_number": ACCOUNT, "sales_cust_number": "5003986", "account_name": "Ringo Starr",
    "customer_type_code": "RESIDENT",
}  # fmt: skip
TOWER = {"building_code": BUILDING, "building_name": "Tower One"}


class Call(NamedTuple):
    """A call of a method."""

    code: str
    parameters: dict[str, Any]
    rows: int
    first: Mapping[str, Any] = MappingProxyType({})


CALLS = [
    Call("GETACCREC", {"account_number": ACCOUNT}, 3, LINE | {
        "trans_type": "INVOICE", "trans_date": "2024-08-01", "posted_date": "2024-08-01",
        "reference": "900123", "description": "Invoice 900123", "debit": 134.70, "credit": 0,
        "amount": 134.70, "balance": 134.70, "invoice_number": "900123",
        "due_date": "2024-08-15", "status": "PART",
    }),
    Call("GETACCREC", {"account_number": ACCOUNT, "end_date": "2024-07-31"}, 0),
    Call("GETADJUST", AUGUST, 1, LINE | TOWER | {
        "adj_reason_code": "GOODWILL", "debit_credit": "C", "adj_amount": 11, "gst": 1,
        "adj_date": "2024-08-14", "posted_date": "2024-08-14", "approved_by": "boss",
        "status": "POSTED", "accounting_period": "202408", "notes": "Sorry",
    }),
    Call("GETADJUST", AUGUST | {"use_trans_date": "Y", "status": "PENDING"}, 0),
    Call("GETCUST", {"account_number": ACCOUNT, "last_name": "starr", "postcode": "9999"}, 1,
        LINE | {"email_masked": "r***o@example.com", "site_identifier": SITE,
        "account_status": "ACTIVE", "verified": {"last_name": "Y", "postcode": "N"}}),
    Call("GETCUST", {"email": "nobody@example.com"}, 0),
    Call("GETINVOICE", {"invoice_number": "900123"}, 1, {
        "invoice_number": "900123", "account_number": ACCOUNT, "file_name": "900123.pdf",
    }),
    Call("GETINVDET", {"invoice_number": "900123"}, 1, LINE | TOWER | {
        "invoice_type": "NORMAL", "invoice_date": "2024-08-01", "due_date": "2024-08-15",
        "period_start": "2024-07-01", "period_end": "2024-07-31", "previous_balance": 0,
        "adjustment_total": 0, "receipt_total": 0, "opening_balance": 0,
        "invoice_amount": 134.70, "gst": 12.25, "total_due": 134.70, "amount_paid": 111,
        "paid": "N", "status": "PART_PAID",
    }),
    Call("GETINVDET", {"account_number": ACCOUNT, "end_date": "2024-07-31"}, 0),
    Call("GETJOURNALS", {"period": "202408"}, 9, {
        "accounting_period": "202408", "source": "INVOICE", "document_ref": "900123",
        "account_number": ACCOUNT, "gl_code": "1102", "debit": 134.70, "credit": 0,
    }),
    Call("GETJOURNALS", {"year": 2024, "month": 7}, 0),
    Call("GETRECEIPT", AUGUST, 1, LINE | TOWER | {
        "batch_type": "DIRECT", "receipt_date": "2024-08-12", "amount": 100, "allocated": 100,
        "unallocated": 0, "reference": "BPAY 881", "status": "POSTED", "suspense": "N",
    }),
    Call("GETREPORT", AUGUST | {"report_id": 115, "party": "", "format": "CSV"}, 1,
        {"file_name": "115-audit-invoices.csv", "mime_type": "text/csv"}),
    Call("GETRPTLIS", {}, 12, {"report_id": 112, "report_name": "Charges"}),
    Call("GETRPTLIS", {"report_id": 905}, 1, {"report_code": "GATE_RECONCILIATION", "filters": [
        {"filter": "START_DATE", "type": "DATE", "mandatory": "Y", "default": None},
        {"filter": "END_DATE", "type": "DATE", "mandatory": "Y", "default": None},
        {"filter": "NETWORK_NODE", "type": "LOOKUP", "mandatory": "N", "default": None,
            "values": ["TWR01"]},
    ]}),
    Call("GETALLRPTLIS", {}, 12, {"report_id": 112, "active": "Y", "permitted": "Y"}),
    Call("GETREADS", {"account_number": 3280, "start_date": "01/06/2024",
        "end_date": "2024-08-31"}, 4, LINE | {
        "site_identifier": SITE, "site_name": "Unit 12", "meter_code": "1234abcde",
        "serial_number": "1234abcde", "meter_register": 1, "unit": "kWh", "read_class": "BASIC",
        "read_date": "2024-06-21", "meter_read": 12000, "read_sub_type": "OPENING",
        "estimated": "N", "add_factor": 0, "multiplier": 1, "consumption": None,
        "previous_read_date": None, "audit_notes": "", "status": "ACCEPTED",
    }),
    Call("GETREADS", AUGUST | {"account_number": ACCOUNT, "read_type": "basic",
        "site_identifier": SITE, "meter_code": "1234abcde"}, 1, {
        "read_date": "2024-08-10", "meter_read": 12510, "consumption": 100,
        "previous_read_date": "2024-07-31", "read_sub_type": "ACTUAL",
    }),
    Call("GETREADS", AUGUST | {"account_number": ACCOUNT, "read_type": "AM"}, 0),
    Call("GETREADS", AUGUST | {"account_number": ACCOUNT, "meter_code": "another"}, 0),
    Call("GETUSAGE", {"account_number": 3280, "start_date": "01/06/2024", "end_date": "31/08/2024",
        "usage_type": "NORMALIZED"}, 3, LINE | {
        "month": "202406", "quantity": 100, "days_covered": 10, "days_in_month": 30,
        "basis": "PRORATA", "product_type": "ELECTRICITY", "unit": "kWh",
    }),
    Call("GETUSAGE", {"account_number": ACCOUNT, "start_date": "2024-06-01",
        "end_date": "2024-08-31", "usage_type": "A"}, 3, {
        "start_date": "2024-06-21", "end_date": "2024-06-30", "days": 10, "quantity": 100,
        "read_basis": "ACTUAL",
    }),
    Call("GETUTILITYUSAGE", {"account_number": ACCOUNT, "site_identifier": SITE}, 1, LINE | {
        "product_type": "ELECTRICITY", "unit": "kWh", "period_start": "2024-07-01",
        "period_end": "2024-07-31", "days": 31, "quantity": 310, "average_per_day": 10,
        "cost_ex_gst": 122.45, "cost": 134.70, "invoice_number": "900123",
    }),
    Call("GETUTILITYUSAGE", {"account_number": ACCOUNT, "site_identifier": SITE,
        "granularity": "month", "start_date": "2024-06-01", "end_date": "2024-08-31"}, 3, {
        "period_start": "2024-06-01", "quantity": 100, "days": 10, "average_per_day": 10,
    }),
    Call("GETUTILITYUSAGE", {"account_number": ACCOUNT, "site_identifier": SITE,
        "granularity": "INTERVAL", "start_date": "2024-08-01", "end_date": "2024-08-02"}, 0),
    Call("GETLOSS", {"site_identifier": SITE, "effective_date": "2024-08-01"}, 1, TOWER | {
        "dlf": 1.0514, "mlf": 0.9876, "internal_loss_factor": 1, "total_loss_factor": 1.038363,
    }),
    Call("GETLOSS", {"building_code": BUILDING, "effective_date": "2024-06-30"}, 0),
    Call("GETPRICES", {"account_number": 3280}, 2, LINE | TOWER | {
        "cust_account_id": 501, "product_code": "ELECTRICITY", "price_plan_code": "RES-FLAT",
        "tier": "B1", "rate_description": "Anytime", "charge_basis": "USAGE", "unit": "kWh",
        "step_from": 0, "rate": 0.285, "rate_incl_gst": 0.3135, "gst_code": "GST",
        "start_date": "2024-06-21", "end_date": None,
    }),
    Call("GETPRICES", {"account_number": ACCOUNT, "as_at": "2024-06-20"}, 0),
    Call("GETALLACCNTPP", {}, 1, LINE | TOWER | {
        "cust_account_id": 501, "price_plan_code": "RES-FLAT", "offering_code": "",
        "plan_start_date": "2024-06-21", "plan_end_date": None,
    }),
    Call("GETACCNTPRICE", {"cust_account_id": 501, "history": "Y"}, 1, LINE | {
        "price_plan_code": "RES-FLAT", "start_date": "2024-06-21", "end_date": None,
        "billed_to_date": "2024-07-31", "is_default": "N", "is_direct_debit": "N",
        "fixed": [{"description": "Daily supply", "amount": 1.1, "frequency": "DAILY",
        "coa": "4900"}],
    }),
    Call("GETACCNTPRICE", {"account_number": ACCOUNT, "as_at": "2024-06-01"}, 0),
    Call("GETCUSTOMERPRICING", {"account_number": ACCOUNT}, 1, LINE | {
        "as_at": "2024-08-15", "gst_rate": 0.1, "offering": None,
    }),
    Call("GETRANGEINV", AUGUST, 1, LINE | TOWER | {"invoice_number": "900123"}),
    Call("GETRANGEINV", AUGUST | {"network_node": BUILDING, "status": "PAID"}, 0),
    Call("GETWORKORDER", {"account_number": ACCOUNT}, 1, LINE | TOWER | {
        "work_order_type": "SPECIAL_READ", "status": "NEW", "reason": "The bill is doubted",
        "site_identifier": SITE, "charge": None,
    }),
    Call("GETBUILDINGLIST", {}, 1, TOWER | {
        "timezone": "Australia/Sydney", "abn": "51 824 753 556", "site_count": 1,
        "vacant_site_count": 0, "product_types": ["ELECTRICITY"], "gate_meters": [],
        "active": "Y",
    }),
    Call("GETBUILDINGLIST", {"network": "Nobody"}, 0),
    Call("GETSITELIST", {"building_code": BUILDING}, 1, TOWER | {
        "site_identifier": SITE, "nmi_checksum": "3", "product_type": "ELECTRICITY",
        "site_status": "ENERGISED", "occupancy": "OCCUPIED", "account_number": ACCOUNT,
        "metering_type": "BASIC", "life_support": "N", "price_plan_code": "RES-FLAT",
    }),
    Call("GETSITELIST", {"network_node": BUILDING, "occupancy": "vacant"}, 0),
    Call("GETSITE", {"site_identifier": SITE}, 1, TOWER | {
        "site_identifier": SITE, "dlf_code": "BLNN", "tni": "NDUN", "next_agreement": None,
    }),
    Call("GETMETER", {"site_identifier": SITE}, 1, TOWER | {
        "serial_number": "1234abcde", "meter_register": 1, "metering_type": "BASIC",
        "meter_type_code": "ALLDAY", "unit": "kWh", "install_date": "2024-06-21",
        "meter_status_code": "ACTIVE", "last_read": 12510, "last_read_date": "2024-08-10",
    }),
    Call("GETCUSTDET", {"account_number": ACCOUNT}, 1, LINE | {
        "customer_sub_type_code": "TENANT", "account_status": "ACTIVE", "balance": 23.7,
        "arrears_outstanding": 0, "direct_debit": None, "concessions": [],
    }),
    Call("UPDATEWORKORDER", {"work_order_id": 1, "status": "SCHEDULED",
        "scheduled_date": "2024-08-20"}, 1, {"work_order_id": 1, "status": "SCHEDULED",
        "site_status": "ENERGISED", "reads_created": [], "result": "UPDATED"}),
    Call("POSTMOVEOUT", {"account_number": ACCOUNT, "site_identifier": SITE,
        "move_out_date": "2024-08-20", "forwarding_address": {"line1": "1 Park Lane"}}, 1, {
        "account_number": ACCOUNT, "final_invoice_expected": "Y", "result": "UPDATED",
        "agreements": [{"cust_account_id": 501, "status": "PENDING_MOVE_OUT",
        "end_date": "2024-08-20"}],
    }),
    Call("POSTACTIVITY", {"account_number": ACCOUNT, "activity_type_code": "CALL",
        "subject": "Rang about the bill"}, 1, {"status": "OPEN", "result": "CREATED"}),
    Call("POSTCUST", {"account_name": "George Best", "customer_type_code": "RESIDENT",
        "customer_sub_type_code": "OWNER", "bill_cycle_code": "MONTHLY",
        "payment_method_type": "DIRECT", "invoice_delivery_class": "EMAIL",
        "contact1_first_name": "George", "contact1_last_name": "Best",
        "contact1_email": "george@example.com", "postal_line1": "1 Park Lane",
        "sales_cust_number": "777", "dd_token": "tok_1", "dd_masked_number": "****1234",
        "concession_card_type": "PENSION", "concession_number": "123456"}, 1,
        {"sales_cust_number": "777", "result": "CREATED"}),
    Call("POSTCUST", {"account_number": ACCOUNT, "contact1_mobile_no": "61400000000",
        "notify_sms": "Y", "customer_notes": None}, 1,
        {"account_number": ACCOUNT, "result": "UPDATED"}),
    Call("POSTCHARGE", {"account_number": ACCOUNT, "charge_item_code": "ADMIN",
        "charge_date": "2024-09-01", "amount": 22}, 1,
        {"status": "PENDING", "amount_ex_gst": 20, "gst": 2, "result": "CREATED"}),
    Call("POSTCHARGE", {"account_number": ACCOUNT, "charge_item_code": "ADMIN",
        "charge_date": "2024-09-01", "amount": 22, "post_charge": "Y"}, 1,
        {"status": "APPROVED"}),
    Call("POSTPROVISION", {"account_number": ACCOUNT, "product_type": "TELCO",
        "service_number": "0299990001", "start_date": "2024-08-01", "item1_code": "ADMIN",
        "item1_unit_price": 25}, 1, {"account_number": ACCOUNT, "status": "ACTIVE"}),
    Call("POSTRECEIPT", {"batch_type": "DIRECT", "account_number": "3280", "date": "2024-08-15",
        "amount": 30}, 1, {"account_number": ACCOUNT, "suspense": "N", "amount": 30,
        "unallocated": 6.3, "new_balance": -6.3, "result": "CREATED"}),
    Call("POSTRECEIPT", {"batch_type": "EFT", "account_number": "4711", "date": "15/08/2024",
        "amount": 5}, 1, {"account_number": "999999", "suspense": "Y", "unallocated": 5}),
    Call("POSTRECEIPT", {"batch_type": "EFT", "sales_cust_number": "5003986", "date": "2024-08-15",
        "amount": 5}, 1, {"account_number": ACCOUNT, "new_balance": 18.7}),
    Call("POSTSITE", {"building_code": BUILDING, "site_identifier": SITE,
        "site_status": "De-Energised"}, 1, {"site_identifier": SITE,
        "site_status": "DE_ENERGISED", "previous_status": "ENERGISED",
        "effective_date": "2024-08-15", "result": "UPDATED"}),
    Call("POSTREAD", {"site_identifier": SITE, "meter_code": "1234abcde", "meter_read": 12550,
        "read_date": "2024-08-14"}, 1, {"status": "ACCEPTED", "consumption": 40,
        "failed_checks": [], "result": "CREATED"}),
    Call("POSTREAD", {"site_identifier": SITE, "meter_code": "1234abcde", "meter_read": "12500",
        "read_date": "14/08/2024", "estimate_read": "C"}, 1, {"status": "IN_REVIEW",
        "result": "CREATED"}),
    Call("POSTADJUSTMENT", {"account_number": ACCOUNT, "adj_reason_code": "GOODWILL",
        "adj_date": "2024-08-15", "adj_amount": 11}, 1, {"debit_credit": "C", "gst": 1,
        "status": "PENDING", "new_balance": 23.7, "result": "CREATED"}),
    Call("POSTADJUSTMENT", {"account_number": ACCOUNT, "adj_reason_code": "GOODWILL",
        "adj_date": "2024-08-15", "adj_amount": 11, "post_adj": "Y"}, 1,
        {"status": "POSTED", "new_balance": 12.7}),
]  # fmt: skip
# What the methods take that have tests of their own.
ELSEWHERE = {
    "GETINVOICEPDF": {"invoice_number": "900123"},
    "POSTMOVEIN": {
        "site_identifier": SITE, "move_in_date": "2024-08-21", "account_name": "George Best",
        "customer_type_code": "RESIDENT", "customer_sub_type_code": "TENANT",
        "bill_cycle_code": "MONTHLY", "payment_method_type": "DIRECT",
        "invoice_delivery_class": "EMAIL", "contact1_first_name": "George",
        "contact1_last_name": "Best", "contact1_email": "george@example.com",
    },
}  # fmt: skip


def parameters_for(code: str) -> dict[str, Any]:
    """Parameters that a method takes."""
    return next((call.parameters for call in CALLS if call.code == code), ELSEWHERE.get(code, {}))
