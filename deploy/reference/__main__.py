"""`python -m deploy.reference`: write all reference pages."""

from pathlib import Path

import click

from deploy.reference.files import FILES

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write every generated file, and print the names of those that changed."""
    for name, render in FILES.items():
        file, text = ROOT / name, render()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            click.echo(name)


if __name__ == "__main__":
    main()
