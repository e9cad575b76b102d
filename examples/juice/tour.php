<?php
// Every call of JuiceAPI v11.5.0 once, with PHP's curl extension. See README.md beside this file.

declare(strict_types=1);

/** A client: it signs in with a token, and answers the `data` of the envelope. */
final class Juice
{
    public function __construct(
        private readonly string $url,
        private readonly string $user,
        private readonly string $token,
    ) {
    }

    /** Ask something. */
    public function get(string $path, array $query = []): mixed
    {
        return $this->call($path, $query, null);
    }

    /** Send a CSV file or JSON; an array is written as JSON. */
    public function post(string $path, array|string $body, array $query = []): mixed
    {
        return $this->call($path, $query, is_string($body) ? $body : json_encode($body));
    }

    private function call(string $path, array $query, ?string $body): mixed
    {
        $asked = $query ? $path . '?' . http_build_query($query) : $path;
        $request = curl_init($this->url . $asked);
        curl_setopt($request, CURLOPT_RETURNTRANSFER, true);
        curl_setopt($request, CURLOPT_HTTPHEADER, ["Authorization: token $this->user:$this->token"]);
        if ($body !== null) {
            curl_setopt($request, CURLOPT_POST, true);
            curl_setopt($request, CURLOPT_POSTFIELDS, $body);
        }
        $answer = curl_exec($request);
        if ($answer === false) {
            exit($asked . ': ' . curl_error($request) . "\n");
        }
        echo $body === null ? 'GET' : 'POST', " $asked\n    ", substr($answer, 0, 300), "\n";
        $told = json_decode($answer, true);
        if (($told['error'] ?? 0) !== 0) {
            fwrite(STDERR, "$path: {$told['error_message']}\n");
            exit(1);
        }
        return $told['data'] ?? null;
    }
}

$home = getenv('CURRANT_HOME') ?: getenv('HOME') . '/.currant';
$token = getenv('JUICE_TOKEN') ?: json_decode(file_get_contents("$home/demo.json"), true)['token'];
$url = getenv('JUICE_URL') ?: 'http://127.0.0.1:' . (getenv('PORT') ?: '8080');
$juice = new Juice($url, getenv('JUICE_USER') ?: 'demo', $token);
$portal = getenv('JUICE_PORTAL') ?: 'example';
$here = ['portal' => $portal];
$stamp = 'T' . time();

$juice->get('/health-check');
$juice->get('/auth-test');
$juice->get('/meters/com-types/get-supported');
$juice->get('/meters/get-meters', $here + ['com' => 'DLMS']);

// A place, a customer and two meters of our own: one of units, one of money.
$juice->post('/tariff/create', $here + [
    'name' => $stamp, 'desc' => 'A flat rate', 'units' => 'kWh', 'muni' => '', 'rate' => 0.2,
    'type' => 1, 'fuel_charge' => false, 'levy1' => false, 'levy2' => false, 'levy3' => false,
    'taxable' => false, 'fixed' => false, 'kva_fixed' => false,
]);
$import = '/file-importer/trinity/import';
$place = $juice->post(
    $import,
    "locname,locaddr1,locaddr2,loccity,locstate,loczip,loclat,loclong,meterinstalldate,contract,serialnum\n"
    . "$stamp,1 Tour Street,,Watertown,TN,07367,,,0000-00-00,unassigned,unassigned",
    $here + ['table' => 'locations'],
);
$location = $place['record_keys'][0]['juice_key'];
$person = $juice->post(
    $import,
    "contract,name,phone1,phone2,sms1,sms2,email,address1,address2,city,state,postalcode,locname,serialnum\n"
    . "$stamp,Tori Tour,14235550100,,14235550100,,tori@example.com,1 Tour Street,,Watertown,TN,07367,"
    . "$location,unassigned",
    $here + ['table' => 'customers'],
);
$account = $person['record_keys'][0]['juice_key'];
$juice->post(
    $import,
    'serialnum,deviceid,comtype,tariff,sgc,ti,keyrev,keyexp,basedate,sts_version,maxpower,addactiveread,'
    . "server,wallet,contract,locname\n"
    . "{$stamp}U,,DLMS,$stamp,,,,,,,,0,primary,units,$account,$location\n"
    . "{$stamp}M,,DLMS,$stamp,,,,,,,,0,primary,currency,$account,$location",
    $here + ['table' => 'meters'],
);
$juice->get('/file-importer/trinity/get-keys', $here + ['table' => 'customers', 'limit' => 3]);
$juice->post(
    '/file-importer/trinity/update',
    "contract,name,phone1,sms1,email,locname,serialnum\n"
    . "$stamp,Tori Grand Tour,14235550101,14235550101,tori@example.com,$location,{$stamp}U",
    $here + ['table' => 'customers'],
);
$juice->get('/meters/get-meter', $here + ['serialnumber' => "{$stamp}U"]);
$juice->get('/customers/get-customer', $here + ['account' => $account]);
$juice->get('/location/get-location', $here + ['locid' => $location]);

// What the meters read, as CSV and as JSON; then an answer to a read that was asked for. A read is
// later than the meter it is of.
sleep(1);
$now = gmdate('Y-m-d\TH:i:s\Z');
$reads = '/meters/reads/insert';
$source = $here + ['source' => 'microstar'];
$juice->post(
    $reads,
    'metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,sumreverseactive,'
    . "sumforwardreactive,sumreversereactive,meterstate\n,{$stamp}U,,$now,1.0,1.5,0,0,0,connected",
    $source + ['format' => 'CSV'],
);
$juice->post(
    $reads,
    [['serialnumber' => "{$stamp}M", 'datetime' => $now, 'sumforwardactive' => 2.25]],
    $source + ['format' => 'JSON'],
);
$told = $juice->get('/meters/reads/get', ['serialnumber' => "{$stamp}U"]);
if (in_array('S', array_column($told, 'status'), true)) {
    exit("The read is not believed.\n");
}
$asked = $juice->post(
    "/v1/$portal/meters/requests",
    ['command' => 'READ', 'serial_numbers' => ["{$stamp}U"]],
);
$juice->post('/meters/ami-control/callback', [
    'uuid' => $asked[0]['request_id'], 'command' => 'READ', 'result' => 'success', 'error_code' => 0,
    'error_msg' => '',
    'data' => [['serial_number' => "{$stamp}U", 'meter_state' => 'connected']],
], $source);

// Wallets and arrears.
$header = "account,startdate,amount,paid,payplan\n";
$juice->post('/file-importer/balance-adj/units/fund', "$header$account,,10,,", $here);
$juice->post('/file-importer/balance-adj/currency/fund', "$header$account,,10,,", $here);
$juice->post('/file-importer/balance-adj/arrears', "$header$account,$now,100.00,0.00,25%", $here);
$juice->post('/transactions/adjust', "$header$account,,10.25,,\n$account,$now,-100,0,25%", $here);
$juice->get('/customers/wallet/get-value', $here + [
    'account' => $account, 'serialnumber' => "{$stamp}U",
]);
$juice->get('/customers/wallet/get-values', $here + ['account' => "$account|00001"]);
$juice->get('/customers/arrears/all-owed-arrears', $here + ['limit' => 3]);
$juice->get('/customers/arrears/get-arrears/by-type', $here + [
    'arrears_coa' => '9110', 'details' => 'true', 'limit' => 3,
]);
$juice->get('/customers/arrears/get-arrears/for-customer', $here + [
    'account' => $account, 'details' => 'true',
]);
$juice->get('/arrears/list-types', $here);

// Tariffs: what is in force, what was, what comes.
$tariff = $here + ['tariff' => $stamp];
$juice->get('/tariff/all/get', $here + ['searchfor' => $stamp]);
$juice->get('/tariff/current/get', $tariff);
$juice->get('/tariff/historical/get', $tariff);
$juice->post('/tariff/future/create', $tariff + [
    'start_date' => '2045-01-01T00:00:00Z', 'end_date' => '2049-12-31T23:59:59Z',
    'service' => 'Electricity', 'tier' => 'B1', 'rate' => 0.25, 'usage_base_start' => 0,
    'units' => 'kWh', 'coa' => 4005, 'ar_coa' => 1102,
]);
$juice->get('/tariff/future/get', $tariff);

// What was done, and the credit of it undone.
$dump = $juice->get('/transactions/dump', $here + ['end_date' => gmdate('Y-m-d\TH:i:s\Z')]);
$credits = array_filter($dump, fn (array $row): bool => $row['customer']['account'] === $account
    && $row['transaction']['type'] === 'adjust');
$juice->post('/transactions/reverse', $here + [
    'id' => end($credits)['transaction']['id'], 'life_note' => 'End of the tour',
]);

// A user of our own.
$user = $here + [
    'login' => $stamp, 'name' => 'Sarah Warren', 'phone_1' => '15558675409', 'phone_2' => '',
    'sms_1' => '15558675409', 'sms_2' => '', 'email' => 'swarren@example.com',
    'system_role' => 'CSR', 'external_vendor' => false, 'vendor_number' => 'CEC',
    'vending_limit' => ['amount' => 1000000, 'currency' => 'USD'],
    'special_limit' => ['amount' => 100000, 'currency' => 'USD'],
];
$juice->post('/systemuser/create', $user + ['blocked_accounts' => '']);
$juice->get('/systemuser/get', $here + ['user' => $stamp]);
$juice->post('/systemuser/update', $user + ['blocked_accounts' => $account]);
$juice->get('/systemuser/perms/get', ['login' => $stamp]);
$juice->post('/systemuser/perms/update', $here + [
    'login' => $stamp, 'vendor_number' => 'CEC',
    'perms' => [
        ['name' => 'passwd', 'action' => 'keep'],
        ['name' => 'tabcoms', 'action' => 'remove'],
        ['name' => 'transactions.view', 'action' => 'add'],
    ],
]);
$juice->get('/systemuser/token/generate', $here + ['user' => $stamp]);
