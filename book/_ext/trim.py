"""Leave out of the built site what no page asks for, and tell GitHub Pages to publish it as it is."""

import shutil
from pathlib import Path

UNUSED = [
    "*.map",
    "mathjax/adaptors",
    "mathjax/input/asciimath*",
    "mathjax/input/mml*",
    "mathjax/input/tex*.js",
    "mathjax/input/tex/extensions/all-packages.js",
    "mathjax/mml-*",
    "mathjax/node-main*",
    "mathjax/output/*.js",
    "mathjax/output/svg",
    "mathjax/sre/mathmaps/[!ben]*",
    "mathjax/sre/mathmaps/n[bn].json",
    "mathjax/tex-chtml-*",
    "mathjax/tex-mml-*",
    "mathjax/tex-svg*",
]


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
    app.connect("build-finished", trim, priority=900)  # after the extension that copies MathJax
    return {"parallel_read_safe": True, "parallel_write_safe": True}
