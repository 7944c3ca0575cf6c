"""The built site, served on this machine, and one browser for all checks.

Without Chromium or without a built site the checks are skipped and say so; with ``CI=true`` or
``DEEPWEEKS_REQUIRE_BROWSER=1`` in the environment they fail instead.
"""

import functools
import gzip
import json
import os
import shutil
import threading
from collections import defaultdict
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("DEEPWEEKS_SITE", ROOT / "build" / "site")).resolve()
# build/site is a copy of build/_build/html; either way the report lies in build/reports.
WEIGHTS = (SITE.parent if SITE.name == "site" else SITE.parents[1]) / "reports" / "site.json"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TEXT = {".html", ".css", ".js", ".svg", ".json"}


def pytest_configure(config):
    config.addinivalue_line("markers", "site: needs the built site and Chromium")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.site)


def missing(reason):
    if os.environ.get("CI") == "true" or os.environ.get("DEEPWEEKS_REQUIRE_BROWSER") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def site():
    if not (SITE / "index.html").is_file():
        missing(f"the site is not built (no {SITE}/index.html); build it with: make book")
    return SITE


@pytest.fixture(scope="session")
def names(site):
    """Every page, as its path below the site."""
    paths = (path.relative_to(site) for path in sorted(site.rglob("*.html")))
    return [path.as_posix() for path in paths if not path.parts[0].startswith("_")]


@pytest.fixture(scope="session")
def weeks(names):
    return [name for name in names if name.startswith("notebooks/")]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def base(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        missing("Chromium is not installed; with it the site would be checked")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright is not installed; pip install -e '.[test]'")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    """Open a page; ``tab(address, width=..., **context options)``."""
    contexts = []

    def open_page(address, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 850}, **options))
        page = contexts[-1].new_page()
        page.goto(address)
        if options.get("java_script_enabled", True):
            settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


def settle(page):
    """Wait until the equations stand."""
    page.evaluate("() => window.MathJax && MathJax.startup && MathJax.startup.promise.then(() => 0)")


OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
IMAGES = "[...document.querySelectorAll('.bd-article img')].map(i => [i.alt || '', i.getAttribute('src')])"
# axe looks at every element: keep one of each kind of coloured token and of each theme's backgrounds, and the
# equations without their glyphs, which are hidden from screen readers. A week has 20,000 elements otherwise.
THIN = """() => {
  const kinds = new Set();
  for (const token of document.querySelectorAll('pre span')) {
    const place = ['.dw-exercise', '.cell_output', 'details'].map(box => !!token.closest(box));
    const kind = [token.className, token.closest('pre').className, ...place].join();
    kinds.has(kind) ? token.replaceWith(...token.childNodes) : kinds.add(kind);
  }
  document.querySelectorAll('mjx-math').forEach(formula => formula.replaceChildren('x'));
}"""
MATHS = """({want: document.querySelectorAll('span.math, div.math').length,
  got: document.querySelectorAll('mjx-container').length,
  bad: document.querySelectorAll('mjx-merror, [data-mjx-error]').length})"""


@pytest.fixture(scope="session")
def visits(browser, base, names, site):
    """Each page loaded once; what was seen in light, in dark and at 390 px."""
    from axe_playwright_python.sync_playwright import Axe

    axe, found = Axe().axe_script, {}
    # Without this axe fetches style sheets itself, and some from the wrong place.
    run = "axe.run({preload: false, resultTypes: ['violations']}).then(result => result.violations)"

    def violations(page, look):
        for rule in page.evaluate(run):
            for node in rule["nodes"]:
                why = (node["any"] or node["all"] or node["none"])[0]["message"]
                yield f"{look}: {rule['id']}: {node['html'][:120]} ({why[:110]})"

    context = browser.new_context(viewport={"width": 1280, "height": 850}, reduced_motion="reduce")
    page, seen = context.new_page(), defaultdict(list)
    page.on("request", lambda request: seen["requests"].append(request.url))
    page.on("requestfailed", lambda request: seen["failed"].append(request.url))
    page.on("response", lambda answer: answer.status >= 400 and seen["failed"].append(answer.url))
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("console", lambda said: said.type == "error" and seen["errors"].append(said.text))
    for name in names:
        seen.clear()
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 850})
        page.goto(base + name)
        settle(page)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        seen_here = {
            "images": page.evaluate(IMAGES),
            "maths": page.evaluate(MATHS),
            **{key: list(seen[key]) for key in ("requests", "failed", "errors")},
        }
        page.set_viewport_size({"width": 390, "height": 844})
        seen_here["overflow"] = page.evaluate(OVERFLOW)
        page.set_viewport_size({"width": 1280, "height": 850})
        page.evaluate(THIN)
        page.evaluate(axe)
        axe_found = list(violations(page, "light"))
        page.emulate_media(color_scheme="dark")
        if name == "index.html" or name.startswith("notebooks/"):
            axe_found += violations(page, "dark")
        page.set_viewport_size({"width": 390, "height": 844})
        axe_found += violations(page, "dark, 390 px")
        theme = page.evaluate("document.documentElement.dataset.theme")
        found[name] = seen_here | {"axe": axe_found, "theme": theme}
    context.close()
    weigh(site, base, found)
    return found


def weigh(site, base, found):
    """Write what each page weighs before it is scrolled, without and with compression, and all its pictures."""
    sizes, weights = {}, {}

    def size(path):
        if path not in sizes:
            raw = path.read_bytes() if path.is_file() else b""
            sizes[path] = len(raw), len(gzip.compress(raw, 6)) if path.suffix in TEXT else len(raw)
        return sizes[path]

    for name, visit in found.items():
        urls = {url.split("#")[0] for url in visit["requests"] if url.startswith(base)}
        paths = [site / unquote(urlsplit(url).path).lstrip("/") for url in urls]
        pictures = {(site / name).parent / source for _, source in visit["images"] if not source.startswith("data:")}
        total = [sum(parts) for parts in zip(*map(size, paths), strict=True)]
        weights[name] = {
            "html": size(site / name)[0],
            "bytes": total[0],
            "gzip": total[1],
            "requests": len(paths),
            "pictures": sum(size(path)[0] for path in pictures),
        }
    WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
    WEIGHTS.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
