"""The checks that `make docs` adds to Zensical's, on small sites."""

from pathlib import Path

import pytest

from deploy.docs_site import finish


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
    _page(site, f'{links}<img src="../picture.svg">')
    assert list(finish(site, docs)) == []


def test_links_to_source_files_become_text(site: Path, docs: Path) -> None:
    """The site does not contain the source code, so a link to it keeps its text and names the file."""
    page = _page(site, '<a href="../../code.py">the code</a>')
    assert list(finish(site, docs)) == []
    assert page.read_text() == '<span title="in the repository: code.py">the code</span>'


@pytest.mark.parametrize("target", ["nowhere.html", "../picture.png", "../../missing.py"])
def test_a_broken_link_is_a_problem(site: Path, docs: Path, target: str) -> None:
    """A link to a page, picture or source file that does not exist is named with its page."""
    _page(site, f'<a href="{target}">a</a>')
    assert list(finish(site, docs)) == [f"guides/page.html links to {target}, which does not exist"]


@pytest.mark.parametrize(
    "element",
    ['<script src="{}"></script>', '<img alt="" src="{}">', '<link rel="stylesheet" href="{}">', '<iframe src="{}">'],
)
@pytest.mark.parametrize("url", ["https://example.org/x", "//example.org/x"])
def test_loading_from_another_host_is_a_problem(site: Path, docs: Path, element: str, url: str) -> None:
    """Reading the documentation tells no other host about its reader."""
    _page(site, element.format(url))
    assert list(finish(site, docs)) == [f"guides/page.html loads {url} from another host"]


def test_a_file_missing_from_the_site_is_a_problem(site: Path, docs: Path) -> None:
    """A page that Zensical did not build, or a picture that it did not copy, is named."""
    (docs / "forgotten.md").write_text("# Forgotten")
    assert list(finish(site, docs)) == ["forgotten.md is not in the site"]
