"""What a reader of the built site must be able to rely on, checked in a browser."""

import json
import re

import pytest

from conftest import WEIGHTS

REPOSITORY = "deepweeks/deepweeks"
COLAB = f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/"


def report(visits, key):
    return [f"{name}: {finding}" for name, visit in visits.items() for finding in visit[key]]


def test_no_request_leaves_the_host(visits, base):
    away = [
        f"{name}: {url}"
        for name, visit in visits.items()
        for url in visit["requests"]
        if not url.startswith((base, "data:", "blob:"))
    ]
    assert away == []


def test_no_request_fails(visits):
    assert report(visits, "failed") == []


def test_console_is_silent(visits):
    assert report(visits, "errors") == []


def test_every_equation_is_rendered(visits):
    maths = {name: visit["maths"] for name, visit in visits.items()}
    wrong = {name: seen for name, seen in maths.items() if seen["want"] != seen["got"] or seen["bad"]}
    assert wrong == {}
    assert any(seen["want"] for seen in maths.values())


def test_axe_finds_nothing(visits):
    found = report(visits, "axe")
    assert found == [], "\n" + "\n".join(found)


def test_dark_mode_follows_the_system(visits):
    assert {visit["theme"] for visit in visits.values()} == {"dark"}


def test_no_sideways_scroll_on_a_narrow_screen(visits):
    assert {name: visit["overflow"] for name, visit in visits.items() if visit["overflow"] > 0} == {}


def test_every_picture_is_described(visits, weeks):
    assert sum(len(visits[name]["images"]) for name in weeks) > 0
    short = [(name, alt) for name in weeks for alt, _ in visits[name]["images"] if len(alt) < 20]
    assert short == []


def test_pictures_are_light(visits, site):
    heavy = []
    for name, visit in visits.items():
        for alt, source in visit["images"]:
            data = source.startswith("data:")
            size = len(source) * 3 // 4 if data else (site / name).parent.joinpath(source).stat().st_size
            if size > 120_000:
                heavy.append((name, size, alt[:60]))
    assert heavy == []


def test_page_weights_are_recorded(visits):
    weights = json.loads(WEIGHTS.read_text("utf-8"))
    assert set(weights) == set(visits)
    heavy = {name: weight["gzip"] for name, weight in weights.items() if weight["gzip"] > 3_000_000}
    assert heavy == {}


def test_links_lead_to_something(site, names):
    """Every link inside the site has its page and its place on it."""
    html = {name: (site / name).read_text("utf-8") for name in names}
    ids = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in html.items()}
    dead = []
    for name, text in html.items():
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (site / name).parent.joinpath(path).resolve() if path else site / name
            page = target.relative_to(site).as_posix() if target.is_relative_to(site) else None
            if not target.is_file() or (anchor and page in ids and anchor not in ids[page]):
                dead.append(f"{name}: {link}")
    assert sorted(set(dead)) == []


def test_colab_edit_and_download_lead_to_the_clean_sources(site, weeks):
    assert weeks
    for name in weeks:
        text, source = (site / name).read_text("utf-8"), name.replace(".html", ".ipynb")
        colab = set(re.findall(rf'href="{COLAB}([^"]+)"', text))
        edit = set(re.findall(rf'href="https://github.com/{REPOSITORY}/edit/main/([^"]+)"', text))
        assert colab == edit == {source}, name
        assert f'href="../_sources/{source}"' in text
        cells = json.loads((site / "_sources" / source).read_text("utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), name


def test_colab_links_of_all_pages_name_notebooks(site, names):
    links = {path for name in names for path in re.findall(rf"{COLAB}([^\"]+)", (site / name).read_text("utf-8"))}
    assert links
    assert all((site / "_sources" / path).is_file() for path in links), links


def test_pages_publish_as_they_are(site):
    assert (site / ".nojekyll").is_file()
    assert (site / "_static/favicon.svg").is_file()


@pytest.fixture
def week(tab, base, weeks):
    return tab(base + weeks[0], reduced_motion="reduce")


def test_quiz_by_mouse(week):
    question = week.locator(".dw-quiz fieldset").first
    status = question.get_by_role("status")
    assert status.inner_text() == ""
    for option in question.locator("label").all():
        option.click()
        right = option.locator("input").get_attribute("data-right") == "1"
        assert status.inner_text().startswith("✓" if right else "✗")
    assert question.locator("input[data-right='1']").count() == 1


def test_quiz_by_keyboard(week):
    question = week.locator(".dw-quiz fieldset").first
    question.locator("input").first.focus()
    week.keyboard.press("Space")
    said = question.get_by_role("status").inner_text()
    week.keyboard.press("ArrowDown")
    assert said and question.get_by_role("status").inner_text() != said
    assert question.locator("input:checked").count() == 1
    question.locator("summary").focus()
    week.keyboard.press("Enter")
    assert question.locator("details li").first.is_visible()


def test_quiz_is_readable_without_scripts(tab, base, weeks):
    page = tab(base + weeks[0], java_script_enabled=False)
    question = page.locator(".dw-quiz fieldset").first
    assert question.locator("legend").is_visible()
    question.locator("summary").click()
    assert question.locator("details li").first.is_visible()


def shown(slider):
    return slider.locator("img:not([hidden])").get_attribute("src")


def test_slider_by_keyboard(week):
    slider = week.locator(".dw-slider").first
    control, before, said = slider.locator("input"), shown(slider), slider.locator("output").inner_text()
    control.focus()
    week.keyboard.press("ArrowRight")
    assert shown(slider) != before
    assert slider.locator("output").inner_text() != said
    assert control.get_attribute("aria-valuetext") == slider.locator("output").inner_text()
    week.keyboard.press("ArrowLeft")
    assert shown(slider) == before


def test_slider_by_mouse(week):
    slider = week.locator(".dw-slider").first
    before, box = shown(slider), slider.locator("input").bounding_box()
    slider.locator("input").click(position={"x": box["width"] - 4, "y": box["height"] / 2})
    assert shown(slider) != before
    assert slider.locator("img:visible").count() == 1


def test_flashcards_by_keyboard(week):
    card = week.locator("details.dw-card").first
    assert not card.locator("p").is_visible()
    for key in ("Enter", "Space"):
        card.locator("summary").focus()
        week.keyboard.press(key)
        assert card.locator("p").is_visible() == (key == "Enter")


def test_works_from_a_folder(tab, site, weeks):
    page = tab((site / "index.html").as_uri())
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.locator(".dw-start a").first.click()
    page.wait_for_url(f"**/{weeks[0]}")
    page.evaluate("() => MathJax.startup.promise.then(() => 0)")
    assert page.locator("mjx-container").count() > 0
    assert failed == []


@pytest.mark.parametrize("way", ["served", "folder"])
def test_search_finds_a_term(tab, base, site, way):
    start = base if way == "served" else f"{site.as_uri()}/"
    page = tab(f"{start}search.html?q=perceptron")
    page.wait_for_selector("#search-results li a")
    assert "Glossary" in page.locator("#search-results").inner_text()
