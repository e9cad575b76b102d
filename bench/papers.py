"""Invoice PDFs on one core, beside WeasyPrint on equal pages: two of them, tagged by PDF/UA-1."""

import os
import sys
import time
from collections.abc import Callable
from html import escape
from importlib import resources
from pathlib import Path

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from common import Figure, median
from currant.documents.model import Paper
from currant.documents.papers import render
from currant.documents.views import View, view_of

sys.path.append(str(Path(__file__).parents[1]))

from tests.papers import BRAND, LOGO, short

SECONDS = 5
ROUNDS = 3

STYLE = """
@page { size: A4; margin: 15mm 18mm 20mm; @bottom-left { content: string(foot); }
    @bottom-right { content: "Page " counter(page) " of " counter(pages); } }
body { font-family: Paper; font-size: 10pt; font-variant-numeric: tabular-nums; }
h1, h2, h3 { color: INK; } table { width: 100%; border-collapse: collapse; }
td, th { border-bottom: .4pt solid #ccc; padding: 3.6pt 3pt; font-size: 9pt; text-align: right; }
td:first-child, th:first-child { text-align: left; } small { color: #5a5a5a; }
.two { display: flex; } .two > * { flex: 1; margin-right: 6mm; }
.band > div { background: #f2f2f2; padding: 3mm; font-size: 15pt; font-weight: bold; }
.band > div:first-child { background: INK; color: white; font-size: 24pt; }
.way { border: .6pt solid #999; padding: 3mm; } .foot { string-set: foot content(); height: 0; }
.page { break-before: page; }
"""


def measure() -> list[Figure]:
    """Render invoices that all differ, one after another, by ours and by WeasyPrint."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        style, fonts = style_of()
        render(short(), BRAND)
        weasy(short(), style, fonts)
        ours = [rate(lambda paper: render(paper, BRAND)) for _ in range(ROUNDS)]
        limit = [rate(lambda paper: weasy(paper, style, fonts)) for _ in range(ROUNDS)]
    finally:
        os.sched_setaffinity(0, cores)
    return [
        Figure(
            "invoice PDFs of two pages, one core", "invoices/s", median(ours), median(limit),
            "WeasyPrint, equal pages", 5,
        )
    ]  # fmt: skip


def rate(press: Callable[[Paper], bytes]) -> float:
    """Return how many papers are rendered in a second; each has a number of its own."""
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        paper = short(number=str(time.perf_counter_ns()), account=str(700000 + done))
        assert press(paper).startswith(b"%PDF")
        done += 1
    return done / (time.perf_counter() - begin)


def style_of() -> tuple[CSS, FontConfiguration]:
    """Parse the style sheet once, with the faces that ours uses."""
    fonts = FontConfiguration()
    faces = "".join(
        f"@font-face {{ font-family: Paper; font-weight: {weight}; src: url(file://{path}) }}"
        for face, weight in (("Regular", 400), ("Semibold", 600), ("Bold", 700))
        if (path := resources.files("font_source_sans_pro") / "files" / f"SourceSansPro-{face}.ttf")
    )
    style = faces + STYLE.replace("INK", BRAND.terms.colour)
    return CSS(string=style, font_config=fonts), fonts


def weasy(paper: Paper, style: CSS, fonts: FontConfiguration) -> bytes:
    """Render the same texts as HTML."""
    html = HTML(string=page_of(view_of(paper, BRAND, 1)))
    pdf: bytes = html.write_pdf(stylesheets=[style], font_config=fonts, pdf_variant="pdf/ua-1")
    return pdf


def page_of(view: View) -> str:
    """Lay a view out as ours does: head, facts, band, sums, chart, ways; then every line."""
    facts = pairs(view["facts"])
    band = "".join(
        f"<div><small>{escape(c['label'])}</small><br>{escape(c['value'])}<br>"
        f"<small>{escape(c['note'])}</small></div>"
        for c in view["band"]
    )
    ways = "".join(
        f"<div class=way><h3>{escape(way['label'])}</h3>{pairs(way['details'])}"
        f"<small>{escape(way['note'])}</small></div>"
        for way in view["ways"]
    )
    charts = "".join(f"<b>{escape(c['title'])}</b>{chart(c)}" for c in view["charts"])
    groups = "".join(group(g) for g in view["groups"])
    notes = "".join(
        f"<div><b>{escape(note['title'])}</b><br>{escape(note['text'])}</div>"
        for note in view["notes"] + view["help"]
    )
    seller, buyer = view["seller"], view["buyer"]
    return f"""<!doctype html><html lang=en><head><title>{escape(view["title"])}</title></head>
    <body><div class=foot>{escape(" · ".join(view["foot"]))}</div>
    <div class=two>{LOGO.decode().replace("<svg", '<svg width="70mm" role="img"')}
    <div>{escape(seller["name"])}<br>{"<br>".join(map(escape, seller["lines"]))}</div></div>
    <div class=two><div>{escape(buyer["name"])}<br>{"<br>".join(map(escape, buyer["lines"]))}</div>
    <div><h1>{escape(view["heading"])}</h1>{facts}</div></div><div class="two band">{band}</div>
    <div class=two><div><h2>{escape(view["words"]["summary"])}</h2>{sums(view["summary"])}</div>
    <div><h2>{escape(view["words"]["usage"])}</h2>{charts}</div></div>
    <h2>{escape(view["words"]["how_to_pay"])}</h2><div class=two>{ways}</div>
    <h1 class=page>{escape(view["explained"])}</h1><small>{escape(view["subject"])}</small>
    {groups}{sums(view["totals"])}<h2>{escape(view["words"]["help"])}</h2>{notes}</body></html>"""


def pairs(rows: list[list[str]]) -> str:
    """Write labels with their values."""
    return table([], [[f"<small>{escape(name)}</small>", escape(value)] for name, value in rows])


def sums(rows: list[View]) -> str:
    """Write labels, notes and amounts."""
    return table(
        [],
        [
            [f"{escape(r['label'])}<br><small>{escape(r['note'])}</small>", escape(r["value"])]
            for r in rows
        ],
    )


def group(told: View) -> str:
    """Write the reads and lines of a product."""
    reads = [
        [
            escape(r["meter"]), escape(r["register"]),
            *("<br>".join(map(escape, read)) for read in r["reads"] or (["–"], [r["intervals"]])),
            escape(r["multiplier"]), escape(r["quantity"]),
        ]
        for r in told["registers"]
    ]  # fmt: skip
    lines = [
        [
            "<br>".join([escape(one["description"]), *map(small, one["more"])]),
            escape(one["quantity"]), escape(one["rate"]), escape(one["amount"]),
        ]
        for one in told["lines"]
    ]  # fmt: skip
    total = [list(map(escape, told["total"]))]
    return (
        f"<h2>{escape(told['title'])}</h2>{table(told['register-head'], reads)}"
        f"{table(told['line-head'], lines + total)}"
    )


def small(text: str) -> str:
    """Write a text small."""
    return f"<small>{escape(text)}</small>"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table of cells that are HTML."""
    top = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def chart(told: View) -> str:
    """Draw the bars as SVG."""
    bars = "".join(
        f'<rect x="{40 + n * 40}" y="{200 - m["before"] // 5}" width="14"'
        f' height="{m["before"] // 5}" fill="white" stroke="#666"/>'
        f'<rect x="{55 + n * 40}" y="{200 - m["now"] // 5}" width="14"'
        f' height="{m["now"] // 5}" fill="{BRAND.terms.colour}"/>'
        f'<text x="{45 + n * 40}" y="215" font-size="12">{escape(m["label"])}</text>'
        for n, m in enumerate(told["months"])
    )
    ticks = "".join(
        f'<line x1="38" x2="560" y1="{200 - at // 5}" y2="{200 - at // 5}" stroke="#ccc"/>'
        f'<text x="0" y="{204 - at // 5}" font-size="12">{label}</text>'
        for at, label in told["ticks"]
    )
    return f'<svg viewBox="0 0 570 220" width="86mm" role="img">{ticks}{bars}</svg>'


if __name__ == "__main__":
    print(measure())
