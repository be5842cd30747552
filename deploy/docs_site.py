"""Build the documentation site: `make docs`, or `python -m deploy.docs_site` with Zensical installed.

Zensical stops at a link to a missing page or heading. After that, this module

- turns links to source files, which the site does not contain, into plain text;
- fails if a page is missing from the navigation, a file from the site, or a link leads nowhere;
- fails if a page or a style sheet would load anything from another host.
"""

import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SITE = ROOT / "var" / "site"

#: A link of the page's own text; the theme's links have more attributes.
_LINK = re.compile(r'<a href="([^"#]+)(?:#[^"]*)?">(.*?)</a>', re.DOTALL)
_TARGET = re.compile(r'\b(?:href|src)="([^"]+)"')
#: Elements that make a browser load a file; `rel` tells them from links that the reader may follow.
_LOADED = re.compile(
    r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href|srcset)="((?:https?:)?//[^"]+)"[^>]*>', re.DOTALL
)
#: Parts of a style sheet that make a browser load a file.
_LOADED_BY_CSS = re.compile(r"""(?:\burl\(\s*["']?|@import\s*["'])((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL)


def main() -> None:
    """Build the site and exit with 1 if it has a problem."""
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603 - our own command
        sys.exit(1)
    listed = set(navigation())
    orphans = (page for page in sorted(DOCS.rglob("*.md")) if str(page.relative_to(DOCS)) not in listed)
    problems = [f"{page.relative_to(DOCS)} is not in nav in zensical.toml" for page in orphans]
    problems += link_problems(SITE, DOCS)
    problems += external_loads(SITE)
    for problem in problems:
        sys.stderr.write(f"docs: {problem}\n")
    sys.exit(1 if problems else None)


def navigation() -> Iterator[str]:
    """Yield the pages in the site's navigation, relative to docs/."""
    entries = list(tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"])
    while entries:
        for target in entries.pop().values():
            yield from [target] if isinstance(target, str) else ()
            entries += [] if isinstance(target, str) else target


def link_problems(site: Path, docs: Path) -> list[str]:
    """Replace links to source files in a built site by their text, and return a line for each missing file or target.

    Args:
        site: Folder with the built site.
        docs: Folder with the Markdown pages.
    """
    problems = []
    for source in sorted(docs.rglob("*")):
        built = (site / source.relative_to(docs)).with_suffix(".html" if source.suffix == ".md" else source.suffix)
        if source.is_file() and not built.exists():
            problems.append(f"{source.relative_to(docs)} is not in the site")
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site)
        replace = functools.partial(_without_source_link, folder=docs / name.parent, docs=docs)
        text = _LINK.sub(replace, page.read_text("utf-8"))
        page.write_text(text, encoding="utf-8")
        problems += [f"{name} links to {target}, which does not exist" for target in _broken(text, page, site)]
    return problems


def external_loads(site: Path) -> Iterator[str]:
    """Yield a line for each file that a page or a style sheet of a built site would load from another host."""
    for file in sorted((*site.rglob("*.html"), *site.rglob("*.css"))):
        text = file.read_text("utf-8")
        html = file.suffix == ".html"
        css = "\n".join(_STYLE.findall(text)) if html else text
        urls = (_LOADED.findall(text) if html else []) + _LOADED_BY_CSS.findall(css)
        yield from (f"{file.relative_to(site)} loads {url} from another host" for url in urls)


def _without_source_link(link: re.Match[str], folder: Path, docs: Path) -> str:
    """Return the text of a link to a file of the repository outside docs/; return other links unchanged."""
    target = (folder / unquote(link[1])).resolve()
    if target.is_relative_to(docs.resolve()) or not target.exists():
        return link[0]
    return f'<span title="in the repository: {target.relative_to(docs.parent.resolve())}">{link[2]}</span>'


def _broken(text: str, page: Path, site: Path) -> Iterator[str]:
    """Yield the local link targets of a page that do not exist."""
    for target in _TARGET.findall(text):
        path = unquote(target.partition("#")[0].partition("?")[0])
        if path and not re.match(r"[a-z]+:|//", path):
            file = site / path.lstrip("/") if path.startswith("/") else page.parent / path
            if not (file.exists() or (file / "index.html").exists()):
                yield target


if __name__ == "__main__":
    main()
