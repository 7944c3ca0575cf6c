"""Make the built site light: pictures as files, nothing that no page asks for, and published as it is."""

import base64
import hashlib
import re
import shutil
import struct
from pathlib import Path

PICTURE = re.compile(r'<img src="data:image/png;base64,([^"]+)"( alt="[^"]*") width="(\d+)"')
UNUSED = [
    "*.map",
    "mathjax/adaptors",
    "mathjax/core.js",
    "mathjax/input/asciimath*",
    "mathjax/input/mml*",
    "mathjax/input/tex*.js",
    "mathjax/input/tex/extensions/all-packages.js",
    "mathjax/l[ao]*.js",
    "mathjax/mml-*",
    "mathjax/node-main*",
    "mathjax/output/*.js",
    "mathjax/output/svg",
    "mathjax/sre/mathmaps/[!ben]*",
    "mathjax/sre/mathmaps/n[bn].json",
    "mathjax/startup.js",
    "mathjax/tex-chtml-*",
    "mathjax/tex-mml-*",
    "mathjax/tex-svg*",
]


def unpack(app, page, template, context, doctree):
    """Pictures that a page carries in itself become files, loaded when they come into view.

    Their height is written beside their width, so that the page does not move while they arrive.
    """
    folder = Path(app.outdir, "_images")

    def store(found):
        raw = base64.b64decode(found[1])
        name = f"{hashlib.sha256(raw).hexdigest()[:20]}.png"
        folder.mkdir(exist_ok=True)
        folder.joinpath(name).write_bytes(raw)
        width, height = struct.unpack(">II", raw[16:24])
        shown = round(int(found[3]) * height / width)
        address = context["pathto"](f"_images/{name}", 1)
        return f'<img src="{address}" loading="lazy"{found[2]} width="{found[3]}" height="{shown}"'

    if "body" in context:
        context["body"] = PICTURE.sub(store, context["body"])


def trim(app, error):
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    for path in [path for pattern in UNUSED for path in static.rglob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    # 1.5 MB of icon outlines; the icon fonts beside it draw the same icons.
    static.joinpath("scripts/fontawesome.js").write_text("")
    Path(app.outdir, ".nojekyll").touch()


def setup(app):
    app.connect("html-page-context", unpack)
    app.connect("build-finished", trim, priority=900)  # after the extension that copies MathJax
    return {"parallel_read_safe": True, "parallel_write_safe": True}
