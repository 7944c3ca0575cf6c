"""HTML as a cell's output, from the macros of ``templates/page.html``. Used from week 1 on."""

from __future__ import annotations

import hashlib
import re

from IPython import get_ipython
from IPython.display import display
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape


def publish(markup: str, plain: str, **more) -> None:
    """Leave HTML as a cell's output, with plain text beside it; outside of IPython print the plain text.

    ``more`` holds further MIME types of the same output.
    """
    if get_ipython() is None:
        print(plain)
    else:
        display({"text/html": str(markup), "text/plain": plain, **more}, raw=True)


def key(text: str) -> str:
    """A name for an HTML element, the same wherever the text is."""
    return "dw" + hashlib.sha256(text.encode()).hexdigest()[:10]


def markup(text: str) -> Markup:
    """Text as HTML, with its ``code`` in backticks and its *emphasis* in asterisks."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(" ".join(text.split()))))
    return Markup(re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"<em>\1</em>", text))


def plain(text: str) -> str:
    """Text without the signs that :func:`markup` reads."""
    return re.sub(r"[`*]", "", " ".join(text.split()))


_templates = Environment(loader=PackageLoader(__package__), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_templates.filters |= {"markup": markup, "plain": plain}
macros = _templates.get_template("page.html").module
