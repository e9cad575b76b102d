"""Every method of the Utilmate API once, with Python's standard library. See README.md beside."""

import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import date, timedelta
from pathlib import Path
from typing import Any

RPC = "/api/Utilmate/post"
Row = dict[str, Any]


class Utilmate:
    """A client: it signs in with an access key, and answers the `data` of the envelope."""

    def __init__(self, url: str, company: str, key: str) -> None:
        self.url = url
        self.company = company
        self.headers = {"Authorization": f"Bearer {key}"}

    def call(self, code: str, **parameters: object) -> list[Row]:
        """Call a method by its code; answer its rows."""
        told = {"companycode": self.company, "methodcode": code, "parameters": parameters}
        raw = self._sent(code, RPC, json.dumps(told).encode())
        answer: dict[str, Any] = json.loads(raw)
        print(f"{code} {json.dumps(parameters)}\n    {raw.decode()[:300]}")
        if answer["error"] != 0:
            raise SystemExit(f"{code}: {answer['error_message']}")
        rows: list[Row] = answer["data"]
        return rows

    def fetch(self, code: str, **parameters: str) -> bytes:
        """Fetch a file by a method's own path."""
        asked = urllib.parse.urlencode({"companycode": self.company, **parameters})
        raw = self._sent(code, f"/utilmate/{code}?{asked}", None)
        print(f"{code} {json.dumps(parameters)}\n    {len(raw)} bytes")
        return raw

    def _sent(self, code: str, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url + path, body, self.headers)
        try:
            with urllib.request.urlopen(request) as answer:
                told: bytes = answer.read()
        except urllib.error.HTTPError as failure:
            raise SystemExit(f"{code}: {failure.read().decode()}") from failure
        return told


def signed_in() -> Utilmate:
    """Return a client for the server that the environment names, or the demo."""
    env = os.environ
    key = env.get("UTILMATE_KEY")
    if key is None:
        home = Path(env.get("CURRANT_HOME", Path.home() / ".currant"))
        key = json.loads((home / "demo.json").read_text())["key"]
    url = env.get("UTILMATE_URL", f"http://127.0.0.1:{env.get('PORT', '8080')}")
    return Utilmate(url, env.get("UTILMATE_COMPANY", "tower"), key)


def tour(api: Utilmate) -> None:
    """Make every call once."""
    today = date.today()  # noqa: DTZ011  # the reader's own day is meant
    stamp = f"T{int(time.time())}"
    quarter = {"start_date": str(today - timedelta(days=90)), "end_date": str(today)}

    # The building, one of its sites, and who is supplied there.
    building = api.call("GETBUILDINGLIST")[0]["building_code"]
    sites = api.call("GETSITELIST", building_code=building, occupancy="OCCUPIED")
    site = next(row for row in sites if row["metering_type"] == "BASIC")
    where, account = site["site_identifier"], site["account_number"]
    api.call("GETSITE", site_identifier=where)
    meter = api.call("GETMETER", site_identifier=where)[0]
    api.call("GETLOSS", site_identifier=where)
    person = api.call("GETCUSTDET", account_number=account)[0]
    api.call("GETCUST", account_number=account, last_name=person["account_name"].split()[-1])

    # Prices and usage.
    api.call("GETALLACCNTPP", limit=3)
    api.call("GETACCNTPRICE", account_number=account, history="Y")
    api.call("GETCUSTOMERPRICING", account_number=account)
    api.call("GETPRICES", account_number=account)
    api.call("GETREADS", account_number=account, **quarter)
    api.call("GETUSAGE", account_number=account, usage_type="NORMALIZED", **quarter)
    api.call("GETUTILITYUSAGE", account_number=account, site_identifier=where)

    # Bills, what was received, the books.
    api.call("GETACCREC", account_number=account)
    invoice = api.call("GETINVDET", account_number=account)[0]["invoice_number"]
    api.call("GETRANGEINV", limit=3, **quarter)
    paper = base64.b64decode(api.call("GETINVOICE", invoice_number=invoice)[0]["content_base64"])
    if paper != api.fetch("GETINVOICEPDF", invoice_number=invoice):
        raise SystemExit("The two are not the same paper.")
    api.call("GETRECEIPT", limit=3, **quarter)
    api.call("GETADJUST", limit=3, **quarter)
    api.call("GETJOURNALS", period=f"{today:%Y%m}", limit=3)
    api.call("GETALLRPTLIS")
    report = api.call("GETRPTLIS", report_id=115)[0]["report_id"]
    api.call("GETREPORT", report_id=report, **quarter)

    # A customer of our own, with what happens to accounts.
    ours = api.call(
        "POSTCUST",
        account_name=f"Tori {stamp}", customer_type_code="RESIDENT",
        customer_sub_type_code="TENANT", bill_cycle_code="MONTHLY",
        payment_method_type="DIRECT", invoice_delivery_class="POST",
        contact1_first_name="Tori", contact1_last_name=stamp, billing_line1="1 Tour Street",
    )[0]["account_number"]  # fmt: skip
    api.call(
        "POSTACTIVITY", account_number=ours, activity_type_code="CALL", subject="Asked for a tour"
    )
    api.call(
        "POSTCHARGE", account_number=ours, charge_item_code="ADMIN", charge_date=str(today),
        amount=22,
    )  # fmt: skip
    api.call(
        "POSTPROVISION", account_number=ours, product_type="TELCO", service_number=stamp,
        start_date=str(today), item1_code="ADMIN", item1_unit_price=25,
    )  # fmt: skip
    api.call("POSTRECEIPT", batch_type="DIRECT", account_number=ours, date=str(today), amount=30)
    api.call(
        "POSTADJUSTMENT", account_number=ours, adj_reason_code="GOODWILL", adj_date=str(today),
        adj_amount=11,
    )  # fmt: skip
    api.call(
        "POSTREAD", site_identifier=where, meter_code=meter["meter_code"],
        meter_read=meter["last_read"], read_date=str(today - timedelta(days=1)),
    )  # fmt: skip
    api.call("POSTSITE", building_code=building, site_identifier=where, site_status="ENERGISED")

    # Somebody moves out, and our customer in, unless an earlier tour has seen to that.
    last = sites[-1]
    if api.call("GETSITE", site_identifier=last["site_identifier"])[0]["next_agreement"]:
        print("Somebody moves in there already.")
        return
    api.call(
        "POSTMOVEOUT", account_number=last["account_number"],
        site_identifier=last["site_identifier"], move_out_date=str(today + timedelta(days=14)),
        forwarding_address={"line1": "2 Low Street"},
    )  # fmt: skip
    api.call(
        "POSTMOVEIN", account_number=ours, site_identifier=last["site_identifier"],
        move_in_date=str(today + timedelta(days=15)),
    )  # fmt: skip
    order = api.call("GETWORKORDER", site_identifier=last["site_identifier"])[0]
    api.call(
        "UPDATEWORKORDER", work_order_id=order["work_order_id"], status="SCHEDULED",
        scheduled_date=str(today + timedelta(days=14)),
    )  # fmt: skip


if __name__ == "__main__":
    tour(signed_in())
