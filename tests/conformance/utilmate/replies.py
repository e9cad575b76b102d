"""What each method answers (conformance.md, section 7), and what holds a row to that.

A member is `name:kind`. After the name `?` says that it may be left out, after the kind `~` that it
may be null. A kind is a word of `KINDS`, words with bars between them, `[kind]` or `{members}`. The
common blocks ACC, BLD, SITE and SVC stand for their members; `ACC?` for members that may be left
out.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

Members = dict[str, tuple[Any, bool]]  # the kind, and whether it may be left out

BLOCKS = {
    "ACC": "account_number:account sales_cust_number:s account_name:s"
    " customer_type_code:RESIDENT|COMPANY|OCCUPIER|SUNDRY",
    "BLD": "building_code:s building_name:s",
    "SITE": "site_identifier:s site_name:s",
    "SVC": "cust_account_id:int product_type:ELECTRICITY|GAS|COLD_WATER|HOT_WATER|TELCO|ISP|SUNDRY",
}
PRODUCT = "ELECTRICITY|GAS|COLD_WATER|HOT_WATER|TELCO|ISP|SUNDRY"
SITE_STATUS = "NOT_READY|ENERGISED|DE_ENERGISED|EXTINCT"
AGREEMENT = "PENDING_MOVE_IN|ACTIVE|PENDING_MOVE_OUT|CLOSED"
ORDER = "NEW|SCHEDULED|SENT|IN_PROGRESS|COMPLETE|CANCELLED"
ALLOCATIONS = "[{ar_trans_id:int amount:money}]"
INVOICE = """
ACC BLD invoice_number:s invoice_type:NORMAL|FINAL|CREDIT|MANUAL invoice_date:date
posted_date:date~ due_date:date period_start:date~ period_end:date~ previous_balance:money
adjustment_total:money receipt_total:money opening_balance:money invoice_amount:money gst:money
total_due:money amount_paid:money paid:flag status:DRAFT|POSTED|PART_PAID|PAID|REVERSED
reversal_of?:s
"""
RATE = """tier:s rate_description:s charge_basis:USAGE|DAILY|DEMAND|FIXED unit:s step_from:qty
rate:rate gst_code:GST|FREE"""
SITE_ROW = f"""
BLD SITE nmi_checksum?:s loc_id:s product_type:{PRODUCT}
site_type:RESIDENTIAL|BUSINESS|COMMON|GATE unit_no:s floor:s address:address
site_status:{SITE_STATUS} occupancy:OCCUPIED|VACANT account_number?:account account_name?:s
metering_type:BASIC|AM| life_support:flag price_plan_code?:s
"""
METER = """
meter_code:s serial_number:s meter_register:int meter_status_code:ACTIVE|INACTIVE
"""

REPLIES = {
    "GETACCREC": f"""ACC ar_trans_id:int
        trans_type:INVOICE|RECEIPT|ADJUSTMENT|CHARGE|REVERSAL|ARREARS|PAYMENT|WRITEOFF
        trans_date:date posted_date:date reference:s description:s debit:money credit:money
        amount:money balance:money invoice_number?:s due_date?:date
        status:OPEN|PART|CLOSED|REVERSED allocations:{ALLOCATIONS}""",
    "GETADJUST": """ACC BLD SITE SVC? adjustment_id:int adj_reason_code:s adj_reason:s
        debit_credit:D|C adj_amount:money gst:money adj_date:date posted_date:date~ approved_by:s
        status:PENDING|POSTED|REJECTED|REVERSED accounting_period:period~ notes:s""",
    "GETBUILDINGLIST": """BLD display_name:s network:s address:address timezone:s
        product_types:[s] bill_cycle_code:MONTHLY|QUARTERLY|HOLD billing_day:int site_count:int
        vacant_site_count:int gate_meters:[{site_identifier:s serial_number:s product_type:s}]
        abn:s apply_move_in_charge:flag apply_move_out_charge:flag
        move_workorders_disabled:flag active:flag attributes:object""",
    "GETCUST": f"""ACC first_name:s last_name:s account_status:{AGREEMENT}| site_identifier:s
        building_code:s suburb:s postcode:s email_masked:s mobile_masked:s has_concession:flag
        life_support:flag verified:object""",
    "GETCUSTDET": f"""ACC customer_sub_type_code:DEFAULT|OWNER|TENANT|DEVELOPER
        account_status:{AGREEMENT}| account_manager:s district_code:s
        bill_cycle_code:MONTHLY|QUARTERLY|HOLD payment_method_type:CHEQUE|DIRECT|CRDCARD
        invoice_delivery_class:EMAIL|POST bond_amount:money balance:money
        wallets:[{{kind:s balance:qty unit:s}}] arrears_outstanding:money
        contacts:[{{contact_no:int first_name:s last_name:s date_of_birth:date~ phone_std:s
        phone_no:s mobile_std:s mobile_no:s email:s primary:flag}}]
        addresses:[object]
        direct_debit:{{type:s account_name:s masked_number:s expiry:s~}}~
        concessions:[{{card_type:s number_masked:s from:date~ to:date~}}] life_support:flag
        notify:{{days:int email:flag sms:flag phone:flag}}
        agreements:[{{SVC BLD SITE start_date:date end_date:date~ status:{AGREEMENT}
        price_plan_code:s offering_code:s billed_to_date:date~}}]
        notes:s created:instant last_mod:instant""",
    "GETINVOICE": """invoice_number:s account_number:account file_name:s
        mime_type:application/pdf size:int sha256:sha256 content_base64:s""",
    "GETINVOICEPDF": """invoice_number:s account_number:account file_name:s
        mime_type:application/pdf size:int sha256:sha256 content_base64:s""",
    "GETINVDET": f"""{INVOICE} lines:[{{line_no:int cust_account_id:int~ site_identifier:s
        serial_number?:s register?:int product_type:s
        line_type:USAGE|SUPPLY|DEMAND|CHARGE|DISCOUNT|CONCESSION|LEVY description:s
        start_date:date~ end_date:date~ previous_read?:qty current_read?:qty read_type?:s
        quantity:qty unit:s rate:rate loss_factor?:factor amount_ex_gst:money gst:money
        amount:money gl_code:s}}]""",
    "GETJOURNALS": """journal_id:int line_no:int journal_date:date accounting_period:period
        source:INVOICE|RECEIPT|ADJUSTMENT|ARREARS|VEND|WALLET|WRITEOFF|REVERSAL|IMPORT
        document_ref:s account_number?:account building_code?:s gl_code:s gl_description:s
        debit:money credit:money gst_code:s narration:s""",
    "GETMETER": f"""SITE BLD meter_code:s serial_number:s device_id:s meter_register:int
        metering_type:BASIC|AM product_type:{PRODUCT} meter_type_code:s unit:s multiplier:factor
        dial_format:s direction_indicator:E|I controlled_load:flag meter_timing:s manufacturer:s
        model:s location_of_meter:s meter_hazards:s install_date:date~ removed_date:date~
        meter_status_code:ACTIVE|INACTIVE com:s meter_state:s parent_site_identifier:s
        last_read:qty~ last_read_date:date~ last_read_type:s next_scheduled_read_date:date~""",
    "GETPRICES": f"""ACC SVC SITE BLD product_code:s product_description:s price_plan_code:s
        price_plan_description:s meter_type_code:s {RATE} rate_incl_gst:rate start_date:date
        end_date:date~""",
    "GETREADS": """ACC SITE meter_code:s serial_number:s meter_register:int unit:s
        read_class:BASIC|AM read_date:date
        read_id?:int meter_read?:qty
        read_sub_type?:ACTUAL|ACTUALC|ESTIMATE|INVOICE_EST|OPENING|CLOSING|MISREAD
        estimated?:flag add_factor?:qty~ multiplier?:factor consumption?:qty~
        previous_read_date?:date~ next_scheduled_read_date?:date~ temp_factor?:factor~
        cv_factor?:factor~ audit_notes?:s status?:s source?:s
        interval_minutes?:int intervals?:[qty] day_total?:qty quality?:A|S|F|E|N|V datastream?:s
        file_ref?:s""",
    "GETREPORT": "file_name:s mime_type:text/csv content_base64:s",  # else its columns
    "GETRPTLIS": """report_id:int report_code:s report_name:s report_group:s
        filters:[{filter:s type:DATE|STRING|YN|LOOKUP mandatory:flag default:s~ values?:[s]}]
        columns:[s]""",
    "GETALLRPTLIS": """report_id:int report_code:s report_name:s report_group:s description:s
        active:Y permitted:flag""",
    "GETRECEIPT": """ACC BLD receipt_id:int batch_no:int
        batch_type:CHEQUE|DIRECT|CASH|EFT|CRDCARD|WEB|DRECTDEBIT batch_name:s receipt_date:date
        posted_date:date amount:money allocated:money unallocated:money reference:s
        status:POSTED|DISHONOURED|REVERSED dishonour_type:s suspense:flag
        accounting_period:period""",
    "GETSITELIST": SITE_ROW,
    "GETUSAGE": """ACC SVC SITE meter_code:s meter_register:int unit:s
        usage_type:ACTUAL|NORMALISED start_date?:date end_date?:date days?:int quantity:qty
        read_basis?:ACTUAL|ESTIMATED|INTERVAL loss_factor?:factor loss_adjusted_quantity?:qty
        month?:period days_in_month?:int days_covered?:int basis?:INTERVAL|PRORATA""",
    "GETLOSS": """BLD site_identifier?:s network:s dlf_code:s dlf:factor tni:s mlf:factor
        internal_loss_factor:factor total_loss_factor:factor product_type:s start_date:date
        end_date:date~ source:s""",
    "GETRANGEINV": INVOICE,
    "GETALLACCNTPP": f"""ACC BLD SITE SVC price_plan_code:s price_plan_description:s
        offering_code:s plan_start_date:date plan_end_date:date~ rates:[{{{RATE}}}]""",
    "GETACCNTPRICE": f"""ACC SVC SITE assignment_id:int price_plan_code:s
        price_plan_description:s plan_type:int start_date:date end_date:date~ billed_to_date:date~
        is_default:flag is_direct_debit:flag assigned_by:s
        rates:[{{{RATE} start_date:date end_date:date~ coa:s ar_coa:s taxable:flag}}]
        fixed:[{{description:s amount:money frequency:s coa:s}}]""",
    "GETCUSTOMERPRICING": """ACC as_at:date gst_rate:rate
        offering:{code:s description:s inducements:[{type:s value:rate condition:s}]}~
        services:[{SVC SITE price_plan_code:s
        prices:[{description:s unit:s step_from:qty rate_ex_gst:rate rate_incl_gst:rate
        after_discount_incl_gst:rate}] estimated_annual_cost?:money}]""",
    "GETUTILITYUSAGE": """ACC SITE product_type:s unit:s period_start:s period_end:s
        days:int quantity:qty average_per_day:qty peak?:qty offpeak?:qty shoulder?:qty
        demand_kw?:qty export_quantity?:qty cost_ex_gst?:money cost?:money invoice_number?:s
        same_period_last_year?:qty""",
    "GETSITE": f"""{SITE_ROW} network:s dlf_code:s tni:s lat:s long:s substation:s
        transformer:s feeder:s module:s socket:int voltage:s kva:qty phases:int
        site_status_date:date~ parent_site_identifier:s
        meters:[{{meter_code:s serial_number:s register:int status:ACTIVE|INACTIVE}}]
        current_agreement:object~ next_agreement:object~ notes:s created:instant
        last_mod:instant""",
    "GETWORKORDER": f"""work_order_id:int
        work_order_type:CONNECT|DISCONNECT|SPECIAL_READ|FINAL_READ|METER_INVESTIGATION|METER_EXCHANGE|OTHER
        status:{ORDER} reason:s ACC? BLD SITE serial_number?:s created:instant created_by:s
        preferred_date:date~ scheduled_date:date~ completed_date:date~ assigned_to:s provider:s
        priority:s instructions:s site_notes:s completion_notes:s
        charge:{{charge_item_code:s amount:money}}~ reads:[object]
        history:[{{at:instant by:s from:s to:s note:s}}]""",
    "POSTACTIVITY": "activity_id:int status:OPEN|IN_PROGRESS|CLOSED|CANCELLED result:RESULT",
    "POSTCUST": "account_number:account sales_cust_number:s result:RESULT",
    "POSTCHARGE": """charge_id:int status:PENDING|APPROVED amount_ex_gst:money gst:money
        result:RESULT""",
    "POSTMOVEIN": """account_number:account cust_account_ids:[int] status:ACTIVE|PENDING_MOVE_IN
        reads_created:[int] work_order_ids:[int] activity_ids:[int] charge_id?:int
        result:RESULT""",
    "POSTMOVEOUT": f"""account_number:account
        agreements:[{{cust_account_id:int status:{AGREEMENT} end_date:date}}]
        reads_created:[int] work_order_ids:[int] activity_ids:[int] charge_id?:int
        final_invoice_expected:flag result:RESULT""",
    "POSTPROVISION": f"""account_number:account cust_account_id:int service_number:s
        status:{AGREEMENT} line_item_ids:[int] result:RESULT""",
    "POSTRECEIPT": f"""receipt_id:int batch_no:int account_number:account suspense:flag
        amount:money allocations:{ALLOCATIONS} unallocated:money new_balance:money result:RESULT""",
    "POSTSITE": f"""site_identifier:s site_status:{SITE_STATUS} previous_status:{SITE_STATUS}
        effective_date:date result:RESULT""",
    "POSTREAD": """read_id:int status:ACCEPTED|IN_REVIEW consumption:qty~ failed_checks:[s]
        result:RESULT""",
    "POSTADJUSTMENT": """adjustment_id:int debit_credit:D|C gst:money status:POSTED|PENDING
        new_balance:money result:RESULT""",
    "UPDATEWORKORDER": f"""work_order_id:int status:{ORDER} site_status:{SITE_STATUS}~
        reads_created:[int] charge_id?:int result:RESULT""",
}  # fmt: skip

SUMMARIES = {
    "GETACCREC": "opening_balance:money total_debit:money total_credit:money closing_balance:money",
    "GETJOURNALS": "total:int total_debit:money total_credit:money line_count:int closed:flag",
}


def _places(most: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return number and -int(Decimal(value).normalize().as_tuple().exponent) <= most

    return fits


def _like(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


KINDS: dict[str, Callable[[Any], bool]] = {
    "s": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "money": _places(2),
    "rate": _places(6),
    "factor": _places(6),
    "qty": _places(3),
    "date": _like(r"\d{4}-\d\d-\d\d"),
    "instant": _like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"),
    "period": _like(r"\d{4}(0[1-9]|1[0-2])"),
    "account": _like(r"\d{5,18}"),
    "sha256": _like(r"[0-9a-f]{64}"),
    "flag": _like("[YN]"),
    "object": lambda value: isinstance(value, dict),
    "address": lambda value: (
        isinstance(value, dict)
        and set(value) == {"line1", "line2", "suburb", "state", "postcode", "country"}
        and all(isinstance(part, str) for part in value.values())
    ),
    "RESULT": _like("CREATED|UPDATED"),
}

_TOKEN = re.compile(r"[\[\]{}~]|[^\s\[\]{}~]+")


@cache
def members_of(told: str) -> Members:
    """Read the members of a list."""
    return _members(iter(_TOKEN.findall(told)))


def _members(tokens: Iterator[str]) -> Members:
    members: Members = {}
    last = ""
    for token in tokens:
        block = BLOCKS.get(token.removesuffix("?"))
        if token == "}":
            break
        if token == "~":
            kind, absent = members[last]
            members[last] = ((kind, None), absent)
        elif block is not None:
            for name, (kind, _) in members_of(block).items():
                members[name] = (kind, token.endswith("?"))
        else:
            name, _, kind = token.partition(":")
            last = name.removesuffix("?")
            members[last] = (kind or _kind(tokens), name.endswith("?"))
    return members


def _kind(tokens: Iterator[str]) -> Any:
    """Read a kind that is no word: a list, or an object."""
    token = next(tokens)
    if token == "{":
        return _members(tokens)
    assert token == "[", token
    inner = next(tokens)
    kind = _members(tokens) if inner == "{" else inner
    assert next(tokens) == "]"
    return [kind]


def misfits(members: Members, row: dict[str, Any], path: str = "") -> Iterator[str]:
    """Tell where a row is not as its list says."""
    for name, value in row.items():
        if name not in members:
            yield f"{path}{name} is not told of"
        else:
            yield from _misfits(members[name][0], value, f"{path}{name}")
    for name, (_, absent) in members.items():
        if name not in row and not absent:
            yield f"{path}{name} is missing"


def _misfits(kind: Any, value: Any, path: str) -> Iterator[str]:
    if isinstance(kind, tuple):
        if value is not None:
            yield from _misfits(kind[0], value, path)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield f"{path} is {value!r}, no list"
            return
        for place, one in enumerate(value):
            yield from _misfits(kind[0], one, f"{path}[{place}]")
    elif isinstance(kind, dict):
        if not isinstance(value, dict):
            yield f"{path} is {value!r}, no object"
            return
        yield from misfits(kind, value, f"{path}.")
    else:
        fits = KINDS.get(kind) or (lambda one: isinstance(one, str) and one in kind.split("|"))
        if not fits(value):
            yield f"{path} is {value!r}, not {kind}"
