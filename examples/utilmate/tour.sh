#!/bin/sh
# Every method of the Utilmate API once, with curl. See README.md beside this file.
set -eu

demo="${CURRANT_HOME:-$HOME/.currant}/demo.json"
url="${UTILMATE_URL:-http://127.0.0.1:${PORT:-8080}}"
company="${UTILMATE_COMPANY:-tower}"

# member NAME: the first text or number of that name in JSON from standard input.
member() {
  sed -n "s/,/\n/gp" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1
}

key="${UTILMATE_KEY:-$(member key <"$demo")}"
stamp="T$(date +%s)"
today="$(date +%Y-%m-%d)"
month="$(date +%Y-%m-01)"

# call CODE PARAMETERS: call a method, print it with its answer, and end at a failure.
call() {
  answer="$(curl --silent --show-error --url "$url/api/Utilmate/post" \
    --header "Authorization: Bearer $key" \
    --data "{\"companycode\": \"$company\", \"methodcode\": \"$1\", \"parameters\": $2}")"
  printf '%s %s\n    %.300s\n' "$1" "$2" "$answer"
  case "$answer" in
    *'"error":0'*) ;;
    *) exit 1 ;;
  esac
}

# told NAME: a member of the last answer's first row.
told() { printf %s "$answer" | member "$1"; }

# The building, one of its sites, and who is supplied there.
call GETBUILDINGLIST '{}'
building="$(told building_code)"
call GETSITELIST '{"building_code": "'"$building"'", "occupancy": "OCCUPIED", "limit": 1}'
site="$(told site_identifier)" account="$(told account_number)"
call GETSITE '{"site_identifier": "'"$site"'"}'
call GETMETER '{"site_identifier": "'"$site"'"}'
meter="$(told meter_code)" read="$(told last_read)" read_on="$(told last_read_date)"
call GETLOSS '{"site_identifier": "'"$site"'"}'
call GETCUSTDET '{"account_number": "'"$account"'"}'
call GETCUST '{"account_number": "'"$account"'", "postcode": "2000"}'

# Prices and usage.
call GETALLACCNTPP '{"limit": 3}'
call GETACCNTPRICE '{"account_number": "'"$account"'", "history": "Y"}'
call GETCUSTOMERPRICING '{"account_number": "'"$account"'"}'
call GETPRICES '{"account_number": "'"$account"'"}'
call GETREADS '{"account_number": "'"$account"'", "start_date": "'"$month"'",
  "end_date": "'"$today"'"}'
call GETUSAGE '{"account_number": "'"$account"'", "usage_type": "ACTUAL",
  "start_date": "2020-01-01", "end_date": "'"$today"'"}'
call GETUTILITYUSAGE '{"account_number": "'"$account"'", "site_identifier": "'"$site"'"}'

# Bills, what was received, the books.
days='"start_date": "'"$month"'", "end_date": "'"$today"'"'
call GETACCREC '{"account_number": "'"$account"'"}'
call GETINVDET '{"account_number": "'"$account"'"}'
invoice="$(told invoice_number)"
call GETRANGEINV "{$days}"
call GETINVOICE '{"invoice_number": "'"$invoice"'"}'
printf 'GETINVOICEPDF %s\n    %s bytes\n' "$invoice" "$(curl --silent --show-error --fail \
  --header "Authorization: Bearer $key" \
  "$url/utilmate/GETINVOICEPDF?companycode=$company&invoice_number=$invoice" | wc -c)"
call GETRECEIPT "{$days, \"limit\": 3}"
call GETADJUST "{$days}"
call GETJOURNALS '{"period": "'"$(date +%Y%m)"'", "limit": 3}'
call GETALLRPTLIS '{}'
call GETRPTLIS '{"report_id": 115}'
call GETREPORT "{\"report_id\": 115, $days}"

# A customer of our own, with what happens to accounts.
call POSTCUST '{"account_name": "Tori '"$stamp"'", "customer_type_code": "RESIDENT",
  "customer_sub_type_code": "TENANT", "bill_cycle_code": "MONTHLY",
  "payment_method_type": "DIRECT", "invoice_delivery_class": "POST",
  "contact1_first_name": "Tori", "contact1_last_name": "'"$stamp"'",
  "billing_line1": "1 Tour Street"}'
ours="$(told account_number)"
call POSTACTIVITY '{"account_number": "'"$ours"'", "activity_type_code": "CALL",
  "subject": "Asked for a tour"}'
call POSTCHARGE '{"account_number": "'"$ours"'", "charge_item_code": "ADMIN",
  "charge_date": "'"$today"'", "amount": 22}'
call POSTPROVISION '{"account_number": "'"$ours"'", "product_type": "TELCO",
  "service_number": "'"$stamp"'", "start_date": "'"$today"'", "item1_code": "ADMIN",
  "item1_unit_price": 25}'
call POSTRECEIPT '{"batch_type": "DIRECT", "account_number": "'"$ours"'", "date": "'"$today"'",
  "amount": 30}'
call POSTADJUSTMENT '{"account_number": "'"$ours"'", "adj_reason_code": "GOODWILL",
  "adj_date": "'"$today"'", "adj_amount": 11}'
call POSTREAD '{"site_identifier": "'"$site"'", "meter_code": "'"$meter"'",
  "meter_read": '"$read"', "read_date": "'"$read_on"'"}'
call POSTSITE '{"building_code": "'"$building"'", "site_identifier": "'"$site"'",
  "site_status": "ENERGISED"}'

# Somebody moves out next January, and our customer in, unless an earlier tour has seen to that.
next="$(($(date +%Y) + 1))"
call GETSITELIST '{"building_code": "'"$building"'", "occupancy": "OCCUPIED", "limit": 1, "offset": 1}'
site="$(told site_identifier)" account="$(told account_number)"
call GETSITE '{"site_identifier": "'"$site"'"}'
case "$answer" in
  *'"next_agreement":null'*) ;;
  *) echo "Somebody moves in there already."; exit 0 ;;
esac
call POSTMOVEOUT '{"account_number": "'"$account"'", "site_identifier": "'"$site"'",
  "move_out_date": "'"$next"'-01-14", "forwarding_address": {"line1": "2 Low Street"}}'
call POSTMOVEIN '{"account_number": "'"$ours"'", "site_identifier": "'"$site"'",
  "move_in_date": "'"$next"'-01-15"}'
call GETWORKORDER '{"site_identifier": "'"$site"'"}'
call UPDATEWORKORDER '{"work_order_id": '"$(told work_order_id)"', "status": "SCHEDULED",
  "scheduled_date": "'"$next"'-01-14"}'
