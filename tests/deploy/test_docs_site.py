"""The checks that `make docs` adds to Zensical's, on small sites."""

from pathlib import Path

import pytest

from deploy.docs_site import external_loads, link_problems


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A repository with one page, one picture and one source file; returns its docs/."""
    docs = tmp_path / "docs"
    (docs / "guides").mkdir(parents=True)
    (docs / "guides" / "page.md").write_text("# Page")
    (docs / "picture.svg").write_text("<svg/>")
    (tmp_path / "code.py").write_text("")
    return docs


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site built from it, with an empty page."""
    site = tmp_path / "var" / "site"
    (site / "guides").mkdir(parents=True)
    (site / "guides" / "page.html").write_text("")
    (site / "picture.svg").write_text("<svg/>")
    return site


def _page(site: Path, html: str) -> Path:
    page = site / "guides" / "page.html"
    page.write_text(html)
    return page


def test_a_good_site_has_no_problems(site: Path, docs: Path) -> None:
    """Links to pages, headings, pictures and other sites are accepted."""
    links = '<a href="page.html#top">a</a><a href="https://example.org/">b</a><a href="#top">c</a>'
    _page(site, f'{links}<img src="../picture.svg"><style>a {{ background: url(../picture.svg) }}</style>')
    assert link_problems(site, docs) == []
    assert list(external_loads(site)) == []


def test_links_to_source_files_become_text(site: Path, docs: Path) -> None:
    """The site does not contain the source code, so a link to it keeps its text and names the file."""
    page = _page(site, '<a href="../../code.py">the code</a>')
    assert link_problems(site, docs) == []
    assert page.read_text() == '<span title="in the repository: code.py">the code</span>'


@pytest.mark.parametrize("target", ["nowhere.html", "../picture.png", "../../missing.py"])
def test_a_broken_link_is_a_problem(site: Path, docs: Path, target: str) -> None:
    """A link to a page, picture or source file that does not exist is named with its page."""
    _page(site, f'<a href="{target}">a</a>')
    assert link_problems(site, docs) == [f"guides/page.html links to {target}, which does not exist"]


@pytest.mark.parametrize(
    "element",
    [
        '<script src="{}"></script>',
        '<img alt="" src="{}">',
        '<link rel="stylesheet" href="{}">',
        '<iframe src="{}">',
        '<source srcset="{}">',
    ],
)
@pytest.mark.parametrize("url", ["https://example.org/x", "//example.org/x"])
def test_loading_from_another_host_is_a_problem(site: Path, element: str, url: str) -> None:
    """Reading the documentation tells no other host about its reader."""
    _page(site, element.format(url))
    assert list(external_loads(site)) == [f"guides/page.html loads {url} from another host"]


@pytest.mark.parametrize("rule", ["@import '{}';", "@import url({});", 'a {{ background: url("{}") }}'])
@pytest.mark.parametrize("url", ["https://example.org/x", "//example.org/x"])
def test_a_style_sheet_that_loads_from_another_host_is_a_problem(site: Path, rule: str, url: str) -> None:
    """Style sheets load fonts, pictures and other style sheets, whether in a file or in a page."""
    (site / "theme.css").write_text(rule.format(url))
    _page(site, f"<style>{rule.format(url)}</style>")
    problem = f"loads {url} from another host"
    assert list(external_loads(site)) == [f"guides/page.html {problem}", f"theme.css {problem}"]


def test_a_file_missing_from_the_site_is_a_problem(site: Path, docs: Path) -> None:
    """A page that Zensical did not build, or a picture that it did not copy, is named."""
    (docs / "forgotten.md").write_text("# Forgotten")
    assert link_problems(site, docs) == ["forgotten.md is not in the site"]
