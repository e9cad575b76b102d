import csv
import io
import random
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from currant.csvfile import Column, CsvReader
from currant.errors import Fault, Invalid, Refusal, TooLarge, Unparsable

COLUMNS = [
    Column("account", required=True),
    Column("name", verbatim=True),
    Column("amount", required=True),
    Column("note", verbatim=True),
]
HEADER = b"account,name,amount,note\n"


def fields(raw, **options):
    return [list(row) for _, row in outcome(raw, **options)[0]]


def outcome(raw, cuts=(), columns=COLUMNS, **options):
    """Read a body in pieces; return all that a reader tells."""
    reader = CsvReader(columns, **options)
    records = []
    for start, end in pairwise([0, *sorted(cuts), len(raw)]):
        records += reader.feed(raw[start:end])
    records += reader.close()
    reader.check()
    records = [(number, list(row)) for number, row in records]
    return records, reader.present, reader.header_repaired, reader.records


def outcome_or_refusal(raw, cuts=(), **options):
    try:
        return outcome(raw, cuts, **options)
    except Refusal as refusal:
        return type(refusal), refusal.detail, refusal.field, refusal.faults


SOUND = {
    "plain": (b"1,Ann,2,x\n", [["1", "Ann", "2", "x"]]),
    "no last line break": (b"1,Ann,2,x", [["1", "Ann", "2", "x"]]),
    "no records": (b"", []),
    "empty fields": (b",,,\n", [["", "", "", ""]]),
    "quoted": (b'"1","Ann","2","x"\n', [["1", "Ann", "2", "x"]]),
    "quoted at the end of the file": (b'1,Ann,2,"x"', [["1", "Ann", "2", "x"]]),
    "quoted empty": (b'"","","",""\n', [["", "", "", ""]]),
    "comma in quotes": (b'1,"Starr, Ringo",2,\n', [["1", "Starr, Ringo", "2", ""]]),
    "doubled quote": (b'1,"the ""word"" is true",2,\n', [["1", 'the "word" is true', "2", ""]]),
    "only doubled quotes": (b'1,"""",2,""""""\n', [["1", '"', "2", '""']]),
    "line break in quotes": (b'1,"Multi-line\nfield",2,\n', [["1", "Multi-line\nfield", "2", ""]]),
    "blank lines in quotes": (b'1,"a\n\n\nb",2,\n', [["1", "a\n\n\nb", "2", ""]]),
    "record break after quotes": (
        b'1,"a\nb",2,"c"\n2,"d",3,"e\n"\n',
        [["1", "a\nb", "2", "c"], ["2", "d", "3", "e\n"]],
    ),
    "DOS line ends": (
        b"1,Ann,2,x\r\n2,Bob,3,\r\n",
        [["1", "Ann", "2", "x"], ["2", "Bob", "3", ""]],
    ),
    "DOS line end in quotes": (b'1,"a\r\nb",2,\r\n', [["1", "a\nb", "2", ""]]),
    "CR anywhere": (b"\r1,A\rnn,2,\r\r\n", [["1", "Ann", "2", ""]]),
    "CR between quotes": (b'1,"a"\r,2,"\r"\n', [["1", "a", "2", ""]]),
    "comment": (b"# one\n1,Ann,2,x\n#,two,\n", [["1", "Ann", "2", "x"]]),
    "comment last without line break": (b"1,Ann,2,x\n# end", [["1", "Ann", "2", "x"]]),
    "comment that is no CSV": (b'#"unbalanced, "," "x\n1,Ann,2,x\n', [["1", "Ann", "2", "x"]]),
    "comment with quotes between records": (
        b'1,"Ann",2,x\n# it\'s 5" wide\n2,"Bob",3,\n',
        [["1", "Ann", "2", "x"], ["2", "Bob", "3", ""]],
    ),
    "quoted number sign": (b'"#1",Ann,2,x\n', [["#1", "Ann", "2", "x"]]),
    "number sign in quotes on its own line": (b'1,"a\n#b\nc",2,\n', [["1", "a\n#b\nc", "2", ""]]),
    "number sign inside": (b"1,#Ann,2,x#\n", [["1", "#Ann", "2", "x#"]]),
    "number sign after indentation": (b" #1,Ann,2,x\n", [["#1", "Ann", "2", "x"]]),
    "CR before a number sign": (b"\r#1,Ann\n1,Ann,2,x\n", [["1", "Ann", "2", "x"]]),
    "blank lines": (
        b"\n\n1,Ann,2,x\n\n\n2,Bob,3,\n\n",
        [["1", "Ann", "2", "x"], ["2", "Bob", "3", ""]],
    ),
    "lines of blanks": (b"  \n\t\n1,Ann,2,x\n \t \n", [["1", "Ann", "2", "x"]]),
    "blank DOS lines": (b"\r\n\r\n1,Ann,2,x\r\n\r\n", [["1", "Ann", "2", "x"]]),
    "indentation": (b"  1,Ann,2,x\n\t2,Bob,3,\n", [["1", "Ann", "2", "x"], ["2", "Bob", "3", ""]]),
    "indentation before quotes": (b'  "1",Ann,2,x\n', [["1", "Ann", "2", "x"]]),
    "indentation without id": (b"  ,Ann,2,x\n", [["", "Ann", "2", "x"]]),
    "ids and numbers are trimmed": (b"1 , Ann ,\t2 ,x\n", [["1", " Ann ", "2", "x"]]),
    "tabs are trimmed": (b"1\t,\tAnn,2,x\n", [["1", "\tAnn", "2", "x"]]),
    "quoted ids are trimmed": (b'" 1 ",Ann,"2 ",x\n', [["1", "Ann", "2", "x"]]),
    "text is verbatim": (b"1, Apt 14A2,2, x \n", [["1", " Apt 14A2", "2", " x "]]),
    "quoted text is verbatim": (b'1," Apt 14A2 ",2,"\tx"\n', [["1", " Apt 14A2 ", "2", "\tx"]]),
    "leading zeros": (b"007,Ann,0.10,07367\n", [["007", "Ann", "0.10", "07367"]]),
    "UTF-8": ("1,Zoë Ångström,2,日本 🍇\n".encode(), [["1", "Zoë Ångström", "2", "日本 🍇"]]),
    "no-break space is text": ("1,\xa0Ann,2,\n".encode(), [["1", "\xa0Ann", "2", ""]]),
    "other line separators are text": (
        "1,a\u2028b\x0bc\x0cd\x85e,2,\n".encode(),
        [["1", "a\u2028b\x0bc\x0cd\x85e", "2", ""]],
    ),
    "backslash is text": (b'1,a\\nb,2,"\\"\n', [["1", "a\\nb", "2", "\\"]]),
    "apostrophe is text": (b"1,'a,2,b'\n", [["1", "'a", "2", "b'"]]),
    "semicolon is text": (b"1,a;b,2,\n", [["1", "a;b", "2", ""]]),
    "a header line again is data": (HEADER, [["account", "name", "amount", "note"]]),
}


@pytest.mark.parametrize(("body", "expected"), SOUND.values(), ids=SOUND.keys())
def test_a_sound_file_is_read(body, expected):
    assert fields(HEADER + body) == expected
    assert [number for number, _ in outcome(HEADER + body)[0]] == list(range(1, len(expected) + 1))


HEADERS = {
    "any order": (b"note,amount,account,name\nx,2,1,Ann\n", "account name amount note"),
    "any case": (b"Account,NAME,amount,Note\n1,Ann,2,x\n", "account name amount note"),
    "blanks around": (b" account , name,amount\t,note\n1,Ann,2,x\n", "account name amount note"),
    "quoted": (b'"account","name","amount","note"\n1,Ann,2,x\n', "account name amount note"),
    "byte order mark": (b"\xef\xbb\xbf" + HEADER + b"1,Ann,2,x\n", "account name amount note"),
    "byte order mark before quotes": (
        b'\xef\xbb\xbf"account",name,amount,note\n1,Ann,2,x\n',
        "account name amount note",
    ),
    "after comments and blank lines": (
        b"# export\n\n  \n" + HEADER + b"1,Ann,2,x\n",
        "account name amount note",
    ),
    "DOS line end": (b"account,name,amount,note\r\n1,Ann,2,x\r\n", "account name amount note"),
    "line break in the header's quotes": (
        b'"account\n",name,amount,note\n1,Ann,2,x\n',
        None,
    ),
}


@pytest.mark.parametrize(("raw", "present"), HEADERS.values(), ids=HEADERS.keys())
def test_columns_are_matched_by_name(raw, present):
    if present is None:
        with pytest.raises(Invalid, match="not known here"):
            outcome(raw)
        return
    records, found, repaired, count = outcome(raw)
    assert records == [(1, ["1", "Ann", "2", "x"])]
    assert (found, repaired, count) == (set(present.split()), False, 1)


def test_a_header_may_end_in_a_single_cr():
    assert outcome(b"account,amount\r") == ([], {"account", "amount"}, False, 0)


def test_an_absent_column_is_told_from_a_blank_one():
    records, present, _, _ = outcome(b"amount,account,note\n2 , 1,\n")
    assert records == [(1, ["1", "", "2", ""])]
    assert present == {"account", "amount", "note"}


UNSOUND = {
    "empty": (b"", Unparsable, "no header row"),
    "only comments": (b"# nothing\n\n", Unparsable, "no header row"),
    "only a byte order mark": (b"\xef\xbb\xbf", Unparsable, "no header row"),
    "CR alone": (b"account,name,amount,note\r1,Ann,2,x\r", Unparsable, "CR alone"),
    "CR alone, one record": (b"account,amount\r1,2", Unparsable, "CR alone"),
    "unknown column": (b"account,amount,colour\n", Invalid, "Column 'colour' is not known"),
    "column without a name": (b"account,amount,\n", Invalid, "Column '' is not known"),
    "missing column": (b"account,name\n1,Ann\n", Invalid, "Missing from the header: 'amount'"),
    "column twice": (b"account,amount,Account\n", Invalid, "'account' stands twice"),
    "semicolons": (b"account;name;amount\n1;Ann;2\n", Invalid, "separated by semicolons; commas"),
    "quoted semicolons": (b'"account";"amount"\n"1";"2"\n', Invalid, "separated by semicolons"),
    "tabs": (b"# ours\naccount\tamount\n1\t2\n", Invalid, "separated by tabs; commas"),
    "no header": (b"1,Ann,2,x\n", Invalid, "Column '1' is not known"),
    "too few fields": (
        HEADER + b"1,Ann\n",
        Unparsable,
        "record 1, amount: is missing: 2 fields of 4",
    ),
    "too many fields": (
        HEADER + b"1,A,n,n,2\n",
        Unparsable,
        "record 1, note: more follows: 5 fields",
    ),
    "several": (HEADER + b"1\n2,Bob,3,\n3,4\n", Unparsable, "record 1, .*; record 3, amount"),
    "a comment is no record": (HEADER + b"#\n\n1,\n", Unparsable, "record 1, amount"),
    "open quote": (
        HEADER + b'1,Ann,2,x\n2,"Bob,3,\n',
        Unparsable,
        "Record 2, name: .* never closes",
    ),
    "open quote in the header": (
        b'account,"name\n1,2\n',
        Unparsable,
        "The header: .* never closes",
    ),
    "open quote at the end": (HEADER + b'1,Ann,2,"', Unparsable, "Record 1, note: .* never closes"),
    "odd quotes": (HEADER + b'1,"""Ann"",2,\n', Unparsable, "Record 1, name: .* never closes"),
    "quote inside": (HEADER + b'1,5" pipe,2,\n', Unparsable, "Record 1, name: a quotation mark"),
    "quote after a blank": (HEADER + b'1, "Ann",2,\n', Unparsable, "Record 1, name: a quotation"),
    "text after quotes": (HEADER + b'1,Ann,2,"x"y\n', Unparsable, "Record 1, note: a quotation"),
    "blank after quotes": (HEADER + b'"1" ,Ann,2,\n', Unparsable, "Record 1, account: a quotation"),
    "quote inside the header": (b'acc"ount,amount\n', Unparsable, "The header: a quotation mark"),
    "NUL": (HEADER + b"1,Ann,2,x\n2,B\0b,3,\n", Unparsable, "Record 2, name: there is a NUL"),
    "NUL in the header": (b"account,am\0ount\n", Unparsable, "The header: there is a NUL"),
    "Latin-1": (HEADER + b"1,Ann,2,x\n2,Zo\xeb,3,\n", Unparsable, "Record 2, name: byte 0xEB"),
    "Latin-1 in quotes": (
        HEADER + b'1,"a\n,b",2,"\n\xeb"\n',
        Unparsable,
        "Record 1, note: byte 0xEB",
    ),
    "Latin-1 first": (HEADER + b"\xff\n", Unparsable, "Record 1, account: byte 0xFF"),
    "Latin-1 in the header": (b"account,am\xf6unt\n", Unparsable, "The header: byte 0xF6"),
    "UTF-16": ("account,amount\n1,2\n".encode("utf-16"), Unparsable, "The header: byte 0xFF"),
    "half a character": (HEADER + b"1,Zo\xc3", Unparsable, "Record 1, name: byte 0xC3"),
    "a surrogate": (HEADER + b"1,\xed\xa0\x80,2,\n", Unparsable, "Record 1, name: byte 0xED"),
}


@pytest.mark.parametrize(("raw", "kind", "reason"), UNSOUND.values(), ids=UNSOUND.keys())
def test_an_unsound_file_is_refused_with_its_reason(raw, kind, reason):
    with pytest.raises(kind, match=reason):
        outcome(raw)


def test_the_corpus_is_large_enough():
    assert len(SOUND) + len(HEADERS) + len(UNSOUND) >= 60


@pytest.mark.parametrize("between", [b"", b"\\n"], ids=["nothing between", "a literal backslash n"])
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"03284,,10,", ["03284", "", "10", ""]),
        (b",Ann,10,x\r\n", ["", "Ann", "10", "x"]),
        (b'"03284","a, b",10,x\n', ["03284", "a, b", "10", "x"]),
        (b"03284,a\\nb,10,x\n\n", ["03284", "a\\nb", "10", "x"]),
    ],
)
def test_a_lost_line_break_after_the_header_is_put_back(between, row, expected):
    records, present, repaired, count = outcome(b"account,name,amount,note" + between + row)
    assert records == [(1, expected)]
    assert (len(present), repaired, count) == (4, True, 1)


def test_a_line_break_is_put_back_in_any_case_and_after_comments():
    records, _, repaired, _ = outcome(b"\xef\xbb\xbf# c\n\n ACCOUNT,Name,amount,note\\n1,Ann,2,x")
    assert (records, repaired) == ([(1, ["1", "Ann", "2", "x"])], True)


@pytest.mark.parametrize(
    "raw",
    [
        b"account,name,amount,note\\n1,Ann,2,x\\n2,Bob,3,y",
        b"account,name,amount,note1,Ann,2,x2,Bob,3,y",
        b"account,name,amount,note1,Ann,2,x\n2,Bob,3,y\n",
        b"account,name,amount,note\\n1,Ann\n",
    ],
)
def test_more_or_less_than_one_record_is_not_recovered(raw):
    with pytest.raises(Unparsable, match="The line break after the header is lost"):
        outcome(raw)


@pytest.mark.parametrize(
    "raw", [b"account,name,amount,notes\n1,Ann,2,x\n", b"account,name,amount,note,a,b\n"]
)
def test_an_unknown_column_is_not_taken_for_a_lost_line_break(raw):
    with pytest.raises(Invalid, match="not known"):
        outcome(raw)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,meterstate",
            ",1234abcde,,2017-11-16T07:00:00Z04:00,1.0,108.8,connected",
        ),
        (
            "locname,locaddr1,locaddr2,loccity,locstate,loczip,meterinstalldate,contract,serialnum",
            "1009001,557-2026 Purus St.,,Watertown,TN,07367,2018-07-01,unassigned,unassigned",
        ),
        ("account,startdate,amount,paid,payplan", "03284,,10,,"),
    ],
)
def test_rows_like_the_seed_s_are_read_in_all_their_forms(header, row):
    columns = [Column(name) for name in header.split(",")]
    for between, repaired in (
        ("\n", False),
        ("\r\n", False),
        ("\n  ", False),
        ("\\n", True),
        ("", True),
    ):
        body = f"{header}{between}{row}".encode()
        records, present, mended, _ = outcome(body, columns=columns)
        assert records == [(1, row.split(","))]
        assert mended is repaired
        assert present == set(header.split(","))


EVERYWHERE = [
    b'\xef\xbb\xbf# "\r\nnote,amount,account\r\n"a ""\r\n#\xc3\xab\xf0\x9f\x8d\x87",2 ,1\r\n\t,3,2',
    b'account,name,amount,note\\n"1","a,b\nc",2,"' + "ë日🍇".encode() + b'"\n',
    HEADER + b'1,A,2,x\n2\n#\n3,"B\n\n",4,y\n4,5\n5,C,6,\n',
    HEADER + b'1,A,2,x\n2,"B\n",3,"C\n\xff"\n',
    HEADER + b'1,A,2,x\n2,B,3,x\n3,C"D,4,x\n"',
    b"account,amount\r1,2\r",
]


@pytest.mark.parametrize("raw", EVERYWHERE)
def test_a_file_cut_at_any_byte_reads_the_same(raw):
    whole = outcome_or_refusal(raw)
    for cut in range(len(raw) + 1):
        for block in (1, 7, 1000):
            assert outcome_or_refusal(raw, [cut], block=block) == whole
    assert outcome_or_refusal(raw, range(len(raw)), block=1) == whole


def test_faults_are_listed_to_a_limit_and_counted_beyond():
    body = HEADER + b"1,Ann,2,x\n" + b"short\n" * 60
    with pytest.raises(
        Unparsable, match=r"Nothing was stored\. record 2, .*; and 10 more\."
    ) as caught:
        outcome(body)
    assert caught.value.faults[0] == Fault(2, "name", "is missing: 1 fields of 4")
    assert [fault.record for fault in caught.value.faults] == list(range(2, 52))


def test_the_caller_adds_its_faults_to_the_reader_s():
    reader = CsvReader(COLUMNS)
    for number, row in reader.feed(HEADER + b"1,Ann,zwei,x\n") + reader.close():
        reader.refuse(number, "amount", f"{row[2]!r} is not a number")
    with pytest.raises(Invalid, match="record 1, amount: 'zwei' is not a number") as caught:
        reader.check()
    assert len(caught.value.faults) == 1


def test_a_reader_that_is_not_atomic_keeps_the_sound_records_and_their_numbers():
    reader = CsvReader(COLUMNS, atomic=False, max_faults=1)
    records = reader.feed(HEADER + b"1,Ann,2,x\n2\n3,Cid,4,z\n5,6\n") + reader.close()
    reader.check()
    assert [(number, row[0]) for number, row in records] == [(1, "1"), (3, "3")]
    assert (reader.records, reader.refused, len(reader.faults)) == (4, 2, 1)


async def test_batches_raise_the_faults_after_the_last_record():
    async def chunks():
        yield HEADER + b"1,Ann,2,x\n2"
        yield b",Bob,3,y\n"

    seen = []

    async def take(reader):
        async for records in reader.batches(chunks()):
            seen.extend(row[1] for _, row in records)
            reader.refuse(len(seen), "name", "too short")

    with pytest.raises(Invalid, match="record 1, name: too short; record 2, name: too short"):
        await take(CsvReader(COLUMNS, block=8))
    assert seen == ["Ann", "Bob"]


async def test_batches_divide_a_body_that_arrives_at_once():
    async def whole():
        yield HEADER + b"1,Ann,2,x\n" * 5000

    sizes = [len(batch) async for batch in CsvReader(COLUMNS, block=1000).batches(whole())]
    assert sum(sizes) == 5000
    assert max(sizes) <= 200


def test_too_many_records_are_refused():
    assert len(fields(HEADER + b"1,Ann,2,x\n" * 3, max_records=3)) == 3
    with pytest.raises(TooLarge, match="more than 3 records"):
        outcome(HEADER + b"1,Ann,2,x\n" * 4, max_records=3)


@pytest.mark.parametrize(
    ("body", "record"),
    [
        (b"1,Ann,2,x\n2," + b"y" * 200_000 + b",3,\n", "Record 2"),
        (b'1,Ann,2,x\n2,"' + b"y\n" * 100_000 + b'",3,\n', "Record 2"),
        (b'1,Ann,2,"' + b"y\n" * 1_000_000, "Record 1"),
        (b"1,Ann,2,x\n2," + b"y" * 2_000_000, "Record 2"),
        (b'1,Ann,2,"' + b'""' * 1_000_000, "Record 1"),
    ],
)
def test_a_record_without_end_is_refused(body, record):
    for cuts in ([], range(0, len(body), 65536)):
        with pytest.raises(TooLarge, match=f"{record} is longer than 100000 characters"):
            outcome(HEADER + body, cuts)


def test_a_header_without_end_is_refused():
    with pytest.raises(TooLarge, match="The header is longer"):
        outcome(b"a" * 600_000)
    with pytest.raises(Unparsable, match="CR alone"):
        outcome(b"account,amount\r" + b"1,2\r" * 200_000, [600_000])


def test_a_record_of_the_greatest_length_is_read():
    text = "日" * (100_000 - len("1,,2,"))
    assert fields(HEADER + f"1,{text},2,\n".encode()) == [["1", text, "2", ""]]


def test_memory_stays_flat():
    def peak(chunks):
        reader = CsvReader(COLUMNS)
        tracemalloc.start()
        reader.feed(HEADER)
        for _ in range(chunks):
            reader.feed(b"03284,Ringo Starr,100.00,x\n" * 2000)
        reader.close()
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(100) < 1.2 * peak(20)


texts = st.text(
    st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=12
) | st.text(alphabet='a", \n#;\\é', max_size=12)
tables = st.lists(st.tuples(texts, texts, texts, texts), max_size=8)


@given(tables, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.sampled_from(["\n", "\r\n"]))
def test_what_the_standard_library_writes_is_read_back(table, quoting, line_end):
    columns = [Column(name, verbatim=True) for name in "abcd"]
    if quoting == csv.QUOTE_MINIMAL:
        table = [(f"id{a}", *rest) for a, *rest in table]
    written = io.StringIO()
    writer = csv.writer(written, quoting=quoting, lineterminator=line_end)
    writer.writerows([tuple("abcd"), *table])
    raw = written.getvalue().encode()
    assert fields(raw, columns=columns) == [list(row) for row in table]


bodies = st.lists(
    st.sampled_from(
        [
            *(b",", b"\n", b'"', b"\r\n", b"\r", b" ", b"#", b"\\n", b'""', b'"\n', b"1", b"x y"),
            *(b"account,name,amount,note", b"account,amount", b"1,A,2,x\n", b'1,"A\n",2,x\n'),
            *("é".encode(), "🍇".encode(), b"\xff", b"\0", b"\xef\xbb\xbf"),
        ]
    ),
    max_size=20,
).map(b"".join)


@given(bodies | st.binary(max_size=80), st.booleans(), st.data())
@settings(max_examples=400)
def test_any_bytes_cut_anywhere_read_as_they_do_whole(body, headed, data):
    raw = HEADER + body if headed else body
    whole = outcome_or_refusal(raw)
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=6))
    assert outcome_or_refusal(raw, cuts, block=data.draw(st.integers(1, 60))) == whole


def by_hand(text):  # noqa: C901  # one state machine, read from top to bottom
    """Parse the data rows character by character; None where the quotation marks are misplaced."""
    rows, i, end = [], 0, len(text)
    while i < end:
        if text[i] == "#":
            i = (text + "\n").index("\n", i) + 1
            continue
        while text[i : i + 1] in {" ", "\t"}:
            i += 1
        if text[i : i + 1] in {"", "\n"}:
            i += 1
            continue
        row = []
        while True:
            field = ""
            if text[i : i + 1] == '"':
                i += 1
                while text[i : i + 1] != '"' or text[i : i + 2] == '""':
                    if i >= end:
                        return None
                    i += text[i] == '"'
                    field += text[i]
                    i += 1
                i += 1
            else:
                while i < end and text[i] not in {",", "\n", '"'}:
                    field += text[i]
                    i += 1
            row.append(field)
            i += 1
            if i > end or text[i - 1] == "\n":
                break
            if text[i - 1] != ",":
                return None
        rows.append(row)
    return rows


def test_20000_mutated_files_are_read_as_by_hand_or_refused():
    rng = random.Random(15)  # noqa: S311
    sound = b'1,Ann,2,x\n# c\n  2,"Bob, ""B""\n",3,\n\n3,\xc3\xab,4,"z"\n'
    pieces = [b'"', b",", b"\n", b"\r", b"#", b"\\n", b" ", b"\0", b"\xff", b"\xc3", b"9", b'""']
    read = 0
    for _ in range(20_000):
        body = bytearray(sound)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(body))
            body[place : place + rng.randint(0, 3)] = rng.choice(pieces)
        try:
            text = body.replace(b"\r", b"").decode()
        except UnicodeDecodeError:
            text = "\0"
        rows = None if "\0" in text else by_hand(text)
        if rows is None or any(len(row) != 4 for row in rows):
            with pytest.raises(Unparsable):
                outcome(HEADER + bytes(body))
        else:
            read += 1
            expected = [[a.strip(" \t"), b, c.strip(" \t"), d] for a, b, c, d in rows]
            assert fields(HEADER + bytes(body)) == expected, body
    assert 2000 < read < 18_000
