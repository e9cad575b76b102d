"""Every call of JuiceAPI v11.5.0 once, with Python's standard library. See README.md beside."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path


class Juice:
    """A client: it signs in with a token, and answers the `data` of the envelope."""

    def __init__(self, url: str, user: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"token {user}:{token}"}

    def get(self, path: str, **query: str) -> object:
        """Ask something."""
        return self._call("GET", path, query, None)

    def post_json(self, path: str, body: object, **query: str) -> object:
        """Send a JSON body."""
        return self._call("POST", path, query, json.dumps(body))

    def post_csv(self, path: str, *lines: str, **query: str) -> object:
        """Send a CSV file, its header first."""
        return self._call("POST", path, query, "\n".join(lines))

    def _call(self, method: str, path: str, query: dict[str, str], body: str | None) -> object:
        asked = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.url + asked, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as failure:
            raw = failure.read()
        told = json.loads(raw)
        print(f"{method} {asked}\n    {raw.decode()[:300]}")
        if told.get("error", 0) != 0:
            raise SystemExit(f"{path}: {told['error_message']}")
        return told.get("data")


def signed_in() -> tuple[Juice, str]:
    """Return a client for the server that the environment names, or the demo, and its portal."""
    env = os.environ
    user, token = env.get("JUICE_USER", "demo"), env.get("JUICE_TOKEN")
    if token is None:
        home = Path(env.get("CURRANT_HOME", Path.home() / ".currant"))
        token = json.loads((home / "demo.json").read_text())["token"]
    url = env.get("JUICE_URL", f"http://127.0.0.1:{env.get('PORT', '8080')}")
    return Juice(url, user, token), env.get("JUICE_PORTAL", "example")


def tour(juice: Juice, portal: str) -> None:
    """Make every call once."""
    stamp = f"T{int(time.time())}"
    juice.get("/health-check")
    juice.get("/auth-test")
    juice.get("/meters/com-types/get-supported")
    juice.get("/meters/get-meters", portal=portal, com="DLMS")

    # A place, a customer and two meters of our own: one of units, one of money.
    juice.post_json(
        "/tariff/create",
        {
            "portal": portal, "name": stamp, "desc": "A flat rate", "units": "kWh", "muni": "",
            "rate": 0.2, "type": 1, "fuel_charge": False, "levy1": False, "levy2": False,
            "levy3": False, "taxable": False, "fixed": False, "kva_fixed": False,
        },
    )  # fmt: skip
    place = juice.post_csv(
        "/file-importer/trinity/import",
        "locname,locaddr1,locaddr2,loccity,locstate,loczip,loclat,loclong,meterinstalldate,"
        "contract,serialnum",
        f"{stamp},1 Tour Street,,Watertown,TN,07367,,,0000-00-00,unassigned,unassigned",
        portal=portal,
        table="locations",
    )
    location = place["record_keys"][0]["juice_key"]
    person = juice.post_csv(
        "/file-importer/trinity/import",
        "contract,name,phone1,phone2,sms1,sms2,email,address1,address2,city,state,postalcode,"
        "locname,serialnum",
        f"{stamp},Tori Tour,14235550100,,14235550100,,tori@example.com,1 Tour Street,,Watertown,"
        f"TN,07367,{location},unassigned",
        portal=portal,
        table="customers",
    )
    account = person["record_keys"][0]["juice_key"]
    juice.post_csv(
        "/file-importer/trinity/import",
        "serialnum,deviceid,comtype,tariff,sgc,ti,keyrev,keyexp,basedate,sts_version,maxpower,"
        "addactiveread,server,wallet,contract,locname",
        f"{stamp}U,,DLMS,{stamp},,,,,,,,0,primary,units,{account},{location}",
        f"{stamp}M,,DLMS,{stamp},,,,,,,,0,primary,currency,{account},{location}",
        portal=portal,
        table="meters",
    )
    juice.get("/file-importer/trinity/get-keys", portal=portal, table="customers", limit="3")
    juice.post_csv(
        "/file-importer/trinity/update",
        "contract,name,phone1,sms1,email,locname,serialnum",
        f"{stamp},Tori Grand Tour,14235550101,14235550101,tori@example.com,{location},{stamp}U",
        portal=portal,
        table="customers",
    )
    juice.get("/meters/get-meter", portal=portal, serialnumber=f"{stamp}U")
    juice.get("/customers/get-customer", portal=portal, account=account)
    juice.get("/location/get-location", portal=portal, locid=location)

    # What the meters read, as CSV and as JSON; then an answer to a read that was asked for. A read
    # is later than the meter it is of.
    time.sleep(1)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    juice.post_csv(
        "/meters/reads/insert",
        "metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,sumreverseactive,"
        "sumforwardreactive,sumreversereactive,meterstate",
        f",{stamp}U,,{now},1.0,1.5,0,0,0,connected",
        portal=portal,
        source="microstar",
        format="CSV",
    )
    juice.post_json(
        "/meters/reads/insert",
        [{"serialnumber": f"{stamp}M", "datetime": now, "sumforwardactive": 2.25}],
        portal=portal,
        source="microstar",
        format="JSON",
    )
    reads = juice.get("/meters/reads/get", serialnumber=f"{stamp}U")
    if any(read["status"] == "S" for read in reads):
        raise SystemExit("The read is not believed.")
    asked = juice.post_json(
        f"/v1/{portal}/meters/requests", {"command": "READ", "serial_numbers": [f"{stamp}U"]}
    )
    juice.post_json(
        "/meters/ami-control/callback",
        {
            "uuid": asked[0]["request_id"], "command": "READ", "result": "success", "error_code": 0,
            "error_msg": "",
            "data": [{"serial_number": f"{stamp}U", "meter_state": "connected"}],
        },
        portal=portal,
        source="microstar",
    )  # fmt: skip

    # Wallets and arrears.
    header = "account,startdate,amount,paid,payplan"
    for wallet in ("units", "currency"):
        path = f"/file-importer/balance-adj/{wallet}/fund"
        juice.post_csv(path, header, f"{account},,10,,", portal=portal)
    juice.post_csv(
        "/file-importer/balance-adj/arrears", header, f"{account},{now},100.00,0.00,25%",
        portal=portal,
    )  # fmt: skip
    juice.post_csv(
        "/transactions/adjust", header, f"{account},,10.25,,", f"{account},{now},-100,0,25%",
        portal=portal,
    )  # fmt: skip
    juice.get(
        "/customers/wallet/get-value", portal=portal, account=account, serialnumber=f"{stamp}U"
    )
    juice.get("/customers/wallet/get-values", portal=portal, account=f"{account}|00001")
    juice.get("/customers/arrears/all-owed-arrears", portal=portal, limit="3")
    juice.get(
        "/customers/arrears/get-arrears/by-type",
        portal=portal, arrears_coa="9110", details="true", limit="3",
    )  # fmt: skip
    juice.get(
        "/customers/arrears/get-arrears/for-customer",
        portal=portal, account=account, details="true",
    )  # fmt: skip
    juice.get("/arrears/list-types", portal=portal)

    # Tariffs: what is in force, what was, what comes.
    juice.get("/tariff/all/get", portal=portal, searchfor=stamp)
    juice.get("/tariff/current/get", portal=portal, tariff=stamp)
    juice.get("/tariff/historical/get", portal=portal, tariff=stamp)
    juice.post_json(
        "/tariff/future/create",
        {
            "portal": portal, "tariff": stamp, "start_date": "2045-01-01T00:00:00Z",
            "end_date": "2049-12-31T23:59:59Z", "service": "Electricity", "tier": "B1",
            "rate": 0.25, "usage_base_start": 0, "units": "kWh", "coa": 4005, "ar_coa": 1102,
        },
    )  # fmt: skip
    juice.get("/tariff/future/get", portal=portal, tariff=stamp)

    # What was done, and the credit of it undone.
    end = datetime.now(UTC).isoformat(timespec="seconds")
    dump = juice.get("/transactions/dump", portal=portal, end_date=end)
    credit = [
        row["transaction"]["id"]
        for row in dump
        if (row["customer"]["account"], row["transaction"]["type"]) == (account, "adjust")
    ]
    juice.post_json(
        "/transactions/reverse",
        {"portal": portal, "id": credit[-1], "life_note": "End of the tour"},
    )

    # A user of our own.
    user = {
        "portal": portal, "login": stamp, "name": "Sarah Warren", "phone_1": "15558675409",
        "phone_2": "", "sms_1": "15558675409", "sms_2": "", "email": "swarren@example.com",
        "system_role": "CSR", "external_vendor": False, "vendor_number": "CEC",
        "vending_limit": {"amount": 1_000_000, "currency": "USD"},
        "special_limit": {"amount": 100_000, "currency": "USD"},
        "blocked_accounts": "",
    }  # fmt: skip
    juice.post_json("/systemuser/create", user)
    juice.get("/systemuser/get", portal=portal, user=stamp)
    juice.post_json("/systemuser/update", user | {"blocked_accounts": account})
    juice.get("/systemuser/perms/get", login=stamp)
    juice.post_json(
        "/systemuser/perms/update",
        {
            "portal": portal, "login": stamp, "vendor_number": "CEC",
            "perms": [
                {"name": "passwd", "action": "keep"},
                {"name": "tabcoms", "action": "remove"},
                {"name": "transactions.view", "action": "add"},
            ],
        },
    )  # fmt: skip
    juice.get("/systemuser/token/generate", portal=portal, user=stamp)


if __name__ == "__main__":
    tour(*signed_in())
