#!/bin/sh
# Every call of JuiceAPI v11.5.0 once, with curl. See README.md beside this file.
set -eu

demo="${CURRANT_HOME:-$HOME/.currant}/demo.json"
url="${JUICE_URL:-http://127.0.0.1:${PORT:-8080}}"
user="${JUICE_USER:-demo}"
portal="${JUICE_PORTAL:-example}"

# member NAME: the first text or number of that name in JSON from standard input.
member() {
  sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1
}

token="${JUICE_TOKEN:-$(member token <"$demo")}"
stamp="T$(date +%s)"

# call NUMBER METHOD PATH [CURL OPTIONS]: make a call, print it with its answer, and end at a failure.
call() {
  number="$1" method="$2" path="$3"
  shift 3
  answer="$(curl --silent --show-error --request "$method" --url "$url$path" \
    --header "Authorization: token $user:$token" "$@")"
  printf '%s %s %s\n    %.300s\n' "$number" "$method" "$path" "$answer"
  case "$answer" in
    *'"error":0'*) ;;
    *) exit 1 ;;
  esac
}

call J01 GET /health-check
call J02 GET /auth-test
call J03 GET /meters/com-types/get-supported
call J04 GET "/meters/get-meters?portal=$portal&com=DLMS"

# A place, a customer and two meters of our own: one of units, one of money.
call J23 POST /tariff/create --data '{
  "portal": "'"$portal"'", "name": "'"$stamp"'", "desc": "A flat rate", "units": "kWh", "muni": "",
  "rate": 0.2, "type": 1, "fuel_charge": false, "levy1": false, "levy2": false, "levy3": false,
  "taxable": false, "fixed": false, "kva_fixed": false
}'
call J09 POST "/file-importer/trinity/import?portal=$portal&table=locations" --data-binary \
"locname,locaddr1,locaddr2,loccity,locstate,loczip,loclat,loclong,meterinstalldate,contract,serialnum
$stamp,1 Tour Street,,Watertown,TN,07367,,,0000-00-00,unassigned,unassigned"
location="$(printf %s "$answer" | member juice_key)"
call J09 POST "/file-importer/trinity/import?portal=$portal&table=customers" --data-binary \
"contract,name,phone1,phone2,sms1,sms2,email,address1,address2,city,state,postalcode,locname,serialnum
$stamp,Tori Tour,14235550100,,14235550100,,tori@example.com,1 Tour Street,,Watertown,TN,07367,$location,unassigned"
account="$(printf %s "$answer" | member juice_key)"
call J09 POST "/file-importer/trinity/import?portal=$portal&table=meters" --data-binary \
"serialnum,deviceid,comtype,tariff,sgc,ti,keyrev,keyexp,basedate,sts_version,maxpower,addactiveread,server,wallet,contract,locname
${stamp}U,,DLMS,$stamp,,,,,,,,0,primary,units,$account,$location
${stamp}M,,DLMS,$stamp,,,,,,,,0,primary,currency,$account,$location"
call J10 GET "/file-importer/trinity/get-keys?portal=$portal&table=customers&limit=3"
call J11 POST "/file-importer/trinity/update?portal=$portal&table=customers" --data-binary \
"contract,name,phone1,sms1,email,locname,serialnum
$stamp,Tori Grand Tour,14235550101,14235550101,tori@example.com,$location,${stamp}U"
call J05 GET "/meters/get-meter?portal=$portal&serialnumber=${stamp}U"
call J15 GET "/customers/get-customer?portal=$portal&account=$account"
call J22 GET "/location/get-location?portal=$portal&locid=$location"

# What the meters read, as CSV and as JSON; then an answer to a read that was asked for. A read is
# later than the meter it is of.
sleep 1
now="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
call J07 POST "/meters/reads/insert?portal=$portal&source=microstar&format=CSV" --data-binary \
"metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,sumreverseactive,sumforwardreactive,sumreversereactive,meterstate
,${stamp}U,,$now,1.0,1.5,0,0,0,connected"
call J07 POST "/meters/reads/insert?portal=$portal&source=microstar&format=JSON" --data '[{
  "serialnumber": "'"$stamp"'M", "datetime": "'"$now"'", "sumforwardactive": 2.25
}]'
call J08 GET "/meters/reads/get?serialnumber=${stamp}U"
case "$answer" in
  *'"status":"S"'*) echo "The read is not believed." >&2; exit 1 ;;
esac
asked="$(curl --silent --request POST --url "$url/v1/$portal/meters/requests" \
  --header "Authorization: token $user:$token" \
  --data '{"command": "READ", "serial_numbers": ["'"$stamp"'U"]}')"
uuid="$(printf %s "$asked" | member request_id)"
call J06 POST "/meters/ami-control/callback?portal=$portal&source=microstar" --data '{
  "uuid": "'"$uuid"'", "command": "READ", "result": "success", "error_code": 0, "error_msg": "",
  "data": [{"serial_number": "'"$stamp"'U", "meter_state": "connected"}]
}'

# Wallets and arrears.
call J13 POST "/file-importer/balance-adj/units/fund?portal=$portal" --data-binary \
"account,startdate,amount,paid,payplan
$account,,10,,"
call J14 POST "/file-importer/balance-adj/currency/fund?portal=$portal" --data-binary \
"account,startdate,amount,paid,payplan
$account,,10,,"
call J12 POST "/file-importer/balance-adj/arrears?portal=$portal" --data-binary \
"account,startdate,amount,paid,payplan
$account,$now,100.00,0.00,25%"
call J30 POST "/transactions/adjust?portal=$portal" --data-binary \
"account,startdate,amount,paid,payplan
$account,,10.25,,
$account,$now,-100,0,25%"
call J16 GET "/customers/wallet/get-value?portal=$portal&account=$account&serialnumber=${stamp}U"
call J17 GET "/customers/wallet/get-values?portal=$portal&account=$account%7C00001"
call J18 GET "/customers/arrears/all-owed-arrears?portal=$portal&limit=3"
call J19 GET "/customers/arrears/get-arrears/by-type?portal=$portal&arrears_coa=9110&details=true&limit=3"
call J20 GET "/customers/arrears/get-arrears/for-customer?portal=$portal&account=$account&details=true"
call J21 GET "/arrears/list-types?portal=$portal"

# Tariffs: what is in force, what was, what comes.
call J24 GET "/tariff/all/get?portal=$portal&searchfor=$stamp"
call J25 GET "/tariff/current/get?portal=$portal&tariff=$stamp"
call J26 GET "/tariff/historical/get?portal=$portal&tariff=$stamp"
call J28 POST /tariff/future/create --data '{
  "portal": "'"$portal"'", "tariff": "'"$stamp"'", "start_date": "2045-01-01T00:00:00Z",
  "end_date": "2049-12-31T23:59:59Z", "service": "Electricity", "tier": "B1", "rate": 0.25,
  "usage_base_start": 0, "units": "kWh", "coa": 4005, "ar_coa": 1102
}'
call J27 GET "/tariff/future/get?portal=$portal&tariff=$stamp"

# What was done, and the last of it undone.
call J29 GET "/transactions/dump?portal=$portal&end_date=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
last="$(printf %s "$answer" | sed 's/{"vendor_number"/\n&/g' | grep "\"account\":\"$account\"" |
  grep '"type":"adjust"' | tail -n 1 | member id)"
call J31 POST /transactions/reverse --data \
  '{"portal": "'"$portal"'", "id": '"$last"', "life_note": "End of the tour"}'

# A user of our own.
login="$stamp"
body='"portal": "'"$portal"'", "login": "'"$login"'", "name": "Sarah Warren", "phone_1": "15558675409",
  "phone_2": "", "sms_1": "15558675409", "sms_2": "", "email": "swarren@example.com",
  "system_role": "CSR", "external_vendor": false, "vendor_number": "CEC",
  "vending_limit": {"amount": 1000000, "currency": "USD"},
  "special_limit": {"amount": 100000, "currency": "USD"}'
call J33 POST /systemuser/create --data "{$body, \"blocked_accounts\": \"\"}"
call J34 GET "/systemuser/get?portal=$portal&user=$login"
call J35 POST /systemuser/update --data "{$body, \"blocked_accounts\": \"$account\"}"
call J36 GET "/systemuser/perms/get?login=$login"
call J37 POST /systemuser/perms/update --data '{
  "portal": "'"$portal"'", "login": "'"$login"'", "vendor_number": "CEC",
  "perms": [{"name": "passwd", "action": "keep"}, {"name": "tabcoms", "action": "remove"},
            {"name": "transactions.view", "action": "add"}]
}'
call J32 GET "/systemuser/token/generate?portal=$portal&user=$login"
