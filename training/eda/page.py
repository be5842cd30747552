"""The page around the sections: one file, no script, nothing fetched from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import DataError
from training.eda.html import Html, element, join

_CSS = """
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1b2430;--muted:#5a6675;--line:#d5dbe3;
--legit:#3b78b5;--fraud:#c8501e;--note:#eef3f9;--act:#fdf0e8}
@media(prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1a2029;--ink:#e4e9f0;--muted:#9aa7b6;--line:#38424f;
--legit:#6ea6df;--fraud:#f58a55;--note:#1e2834;--act:#33241b}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main,header{max-width:1180px;margin:0 auto;padding:0 1rem}
header{padding-top:2rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.6rem 0 .4rem;scroll-margin-top:3.4rem}
h3{font-size:.95rem;margin:0 0 .35rem;overflow-wrap:anywhere}
p{margin:.3rem 0 .9rem;max-width:72ch}
.lead,figcaption,.small{color:var(--muted)}
figcaption,.small{font-size:.85rem}
nav{position:sticky;top:0;z-index:1;background:var(--paper);border-bottom:1px solid var(--line);overflow-x:auto;
white-space:nowrap;padding:.55rem 1rem;margin-top:1rem;text-align:center}
nav a{margin:0 .5rem}
a{color:var(--legit);text-decoration:none}a:hover{text-decoration:underline}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1.2rem 0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem .9rem;min-width:0}
.tile b{display:block;font-size:1.45rem;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:.85rem}
.findings{list-style:none;padding:0;margin:.5rem 0}
.findings li{background:var(--note);border-left:4px solid var(--legit);border-radius:4px;padding:.5rem .8rem;
margin:.45rem 0;overflow-wrap:anywhere}
.findings li.act{background:var(--act);border-color:var(--fraud)}
.grid{display:grid;gap:.9rem;margin:.8rem 0;align-items:start;
grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--w,21rem)),1fr))}
.grid.small-plots{grid-template-columns:repeat(auto-fill,minmax(min(100%,16rem),1fr))}
figure{margin:0}
svg{display:block;width:100%;height:auto;margin:0 auto}
svg text{font-family:inherit;fill:var(--ink)}
svg.heat text{font-size:7px;fill:var(--muted)}
.legend{font-size:.9rem;color:var(--muted)}
.legend i{display:inline-block;width:1em;height:.7em;border-radius:2px;margin:0 .35em 0 .9em}
.legend i:first-child{margin-left:0}
.scroll{overflow:auto;max-height:34rem;border:1px solid var(--line);border-radius:10px;background:var(--card);
margin:.6rem 0}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th{position:sticky;top:0;background:var(--card);color:var(--muted);font-weight:600;box-shadow:0 1px var(--line)}
th,td{padding:.32rem .7rem;text-align:right;white-space:nowrap}
td{border-top:1px solid var(--line)}
.t{text-align:left;max-width:17rem;overflow-wrap:anywhere;white-space:normal}
.card .scroll{border:0;border-radius:0;max-height:22rem}.card td,.card th{padding:.15rem .35rem}
.bar{display:inline-block;width:6rem;height:.7em;background:var(--note);border-radius:3px;overflow:hidden}
.bar i{display:block;height:100%}
code{font-size:.85em;overflow-wrap:anywhere}
footer{color:var(--muted);font-size:.85rem;max-width:1180px;margin:3rem auto 2rem;padding:0 1rem}
@media print{nav{display:none}.scroll{max-height:none}.card{break-inside:avoid}}
"""


@dataclass(frozen=True)
class Section:
    """A part of the page that the navigation leads to."""

    anchor: str
    title: str
    body: Html


def page(title: str, lead: str, sections: Sequence[Section], footer: str) -> str:
    """Make the whole document. Title, lead and footer are text."""
    links = (element("a", section.title, href=f"#{section.anchor}") for section in sections)
    bodies = (element("section", element("h2", section.title, id=section.anchor), section.body) for section in sections)
    head = join(
        [
            Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            element("title", title),
            Html(f"<style>{_CSS}</style>"),
        ]
    )
    body = join(
        [
            element("header", element("h1", title), element("p", lead, class_="lead")),
            element("nav", *links, aria_label="Sections"),
            element("main", *bodies),
            element("footer", footer),
        ]
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def write_page(html: str, out: Path) -> None:
    """Write a document; the file appears only when it is whole.

    Raises:
        DataError: If it cannot be written.
    """
    scratch = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(html, encoding="utf-8")
        scratch.replace(out)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror})") from error
