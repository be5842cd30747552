"""Rendering of Jinja templates to self-contained pages, without scripts or external resources."""

import re
from contextlib import suppress
from pathlib import Path

import jinja2
from markupsafe import Markup

from schemas.errors import DataError

#: ASCII punctuation that Markdown may interpret inside a line or a table cell.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#&~])")


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    # HTML and SVG templates escape every value. Markdown templates pass each value through the `md` filter instead,
    # because many Markdown renderers let HTML through.
    autoescape=jinja2.select_autoescape(["html.j2", "svg.j2"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["md"] = _escape_markdown


def render_page(template: str, **context: object) -> str:
    """Render a whole HTML or Markdown document.

    Args:
        template: File name in `training/pages/templates`.
        context: Values for the template. Text is escaped; `Markup` is inserted as it is.
    """
    return _environment.get_template(template).render(context)


def render_fragment(template: str, **context: object) -> Markup:
    """Render a piece of a page, to be passed as a value to another template.

    Args:
        template: File name in `training/pages/templates`, of a template that escapes its values.
        context: Values for the template.
    """
    return Markup(_environment.get_template(template).render(context))  # noqa: S704  # the template has escaped it


def write_page(html: str, path: Path) -> None:
    """Write a page to a file, and create missing directories. Readers never see a partly written file.

    Raises:
        DataError: If the file cannot be written.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(html, encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise DataError(f"cannot write to {path} ({error.strerror}); choose another file with --out") from error
