"""The playground in a real browser, in JupyterLab and as a web page, used by mouse and by keyboard."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from urllib.parse import urlparse

import nbformat
import psutil
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect, sync_playwright
from small_chain import SMALL

from recx import paths
from recx.data.registry import load_dataset
from recx.data.title_search import TitleSearch
from recx.evaluation.human_ratings import read_ratings
from recx.profiles.resolve import resolve_settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not CHROMIUM and not os.environ.get("CI"):
    pytest.skip("no Chromium at hand", allow_module_level=True)

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENS = os.environ.get("RECX_SCREENS", "")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def served(line, port, folder, **more):
    environment = os.environ | {"RECX_RUNS_DIR": str(folder), "PYTHONPATH": str(paths.ROOT)} | more
    log = (folder.parent / f"served-{port}.log").open("w")
    process = subprocess.Popen(line, env=environment, stdout=log, stderr=subprocess.STDOUT)
    for _ in range(600):
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return process
        assert process.poll() is None, (folder.parent / f"served-{port}.log").read_text()[-2000:]
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def end(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "CI installs Chromium"
    with sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def web_page(rated_run):
    """Address of the playground served as a web page."""
    port = free_port()
    process = served([sys.executable, "-m", "recx", "app", "--port", str(port)], port, rated_run)
    yield f"http://127.0.0.1:{port}/"
    end(process)


@pytest.fixture(scope="module")
def lab_page(rated_run, tmp_path_factory):
    """Address of notebook 12 in JupyterLab, set to use the small run."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    notebook = load_notebook_node(str(paths.notebooks() / "12_playground.ipynb"))
    told = {"profile": "test", "overrides": SMALL}
    nbformat.write(parameterize_notebook(notebook, told), folder / "12_playground.ipynb")
    line = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    line += ["--IdentityProvider.token=tested", str(folder)]
    process = served(
        line, port, rated_run, JUPYTERLAB_SETTINGS_DIR=str(folder / "s"), JUPYTER_CONFIG_DIR=str(folder / "c")
    )
    yield f"http://127.0.0.1:{port}/lab/tree/12_playground.ipynb?token=tested"
    end(process)


@pytest.fixture
def visit(browser):
    """Open an address; requests to other machines are blocked and recorded."""
    contexts, outside, asked = [], [], []

    def local(route):
        asked.append(route.request.url)
        if urlparse(route.request.url).hostname in ("127.0.0.1", None):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def go(address, **options):
        context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 1000}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.route("**/*", local)
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(address)
        return page

    go.outside, go.asked = outside, asked
    yield go
    for context in contexts:
        context.close()
    assert not outside


def shot(page, name):
    if SCREENS:
        page.screenshot(path=f"{SCREENS}/{name}.png", full_page=True)


def begin(page):
    page.get_by_role("heading", name="1. History").wait_for()
    page.get_by_role("button", name="Remove all").click()
    page.get_by_text("The history is empty").first.wait_for()


def field(page, label):
    return page.get_by_label(label, exact=True).first


def add(page, title, taken=True):
    field(page, "add").fill(title)
    page.get_by_role("button", name="Add to history").click()
    expect(field(page, "add")).to_have_value("") if taken else None


def history_of(page):
    shown = page.get_by_label("history", exact=True).locator("option").all_inner_texts()
    return [text.replace("\xa0", " ") for text in shown]


def ask(page):
    page.get_by_role("button", name="Ask", exact=True).click()


def wait_for_answers(page, count=3):
    page.wait_for_function(f"document.querySelectorAll('.recx .badge').length >= {count}")


@pytest.fixture(scope="module")
def titles():
    """Four titles of the small run; the second one can be misspelt and still be recognised."""
    catalogue = load_dataset(resolve_settings("test", overrides=SMALL).data).catalogue
    index = TitleSearch(catalogue)
    found = [t for t in catalogue.titles[1:] if t in catalogue.index_of_label and len(t) > 9 and "&" not in t]
    clear = [t for t in found if index.resolve(misspelt(t)).kind == "close"]
    return [t for t in found if t != clear[0]][:1] + clear[:1] + [t for t in found if t != clear[0]][1:3]


def misspelt(title):
    return title[:3] + title[4] + title[3] + title[5:]


def spaced(text):
    """A pattern that also matches the non-breaking spaces that a list shows."""
    return re.compile(r"\s".join(map(re.escape, text.split())))


def numbered(titles):
    return [f"{n}. {t}" for n, t in enumerate(titles, 1)]


def build_and_ask(page, titles):
    """Enter a history, an item and an instruction, and get the answers of the target and the models."""
    begin(page)
    add(page, titles[0])
    add(page, misspelt(titles[1]))
    page.get_by_text(re.compile("was interpreted as")).wait_for()
    add(page, titles[2].upper())
    assert history_of(page) == numbered(titles[:3])
    field(page, "item").fill(titles[3])
    page.get_by_role("button", name="Ask about this").click()
    page.get_by_text("asking about:").wait_for()
    field(page, "view").select_option("platform")
    ask(page)
    wait_for_answers(page)
    page.get_by_text(re.compile(r"rank \d+ of \d+, score")).first.wait_for()
    page.get_by_text(re.compile(r"of 10 shared")).first.wait_for()


def watch_streaming(page):
    """Watch the text of the first panel grow, and stop it; return how many attempts that took."""
    page.evaluate("""() => {
        window.lengths = [];
        new MutationObserver(() => {
            const found = document.evaluate("//*[contains(text(), 'is writing')]", document, null, 9, null);
            const node = found.singleNodeValue;
            if (node) window.lengths.push(node.parentElement.innerText.length);
        }).observe(document.body, {subtree: true, childList: true, characterData: true});
    }""")
    field(page, "length").select_option("detailed")
    asked = next((n for n in range(1, 7) if stopped_in_time(page)), 0)
    assert asked, "six texts were written to their ends in spite of Stop"
    if len(set(page.evaluate("window.lengths"))) < 2:  # stopped before there was a second word
        ask(page)
        page.wait_for_function("new Set(window.lengths).size >= 2")
        wait_until_asked(page)
        asked += 1
    return asked


def wait_until_asked(page):
    page.wait_for_function(
        "!document.querySelector('.recx button[title=\"Ask the target and the models about this item\"]').disabled"
    )


def stopped_in_time(page):
    """Ask and stop; on a busy machine a short text may be complete before the click arrives."""
    ask(page)
    page.get_by_text("is writing ...").first.wait_for()
    try:
        page.get_by_role("button", name="Stop", exact=True).first.click(timeout=2_000)
        page.get_by_text(re.compile("stopped")).first.wait_for(timeout=3_000)
        return True
    except PlaywrightTimeoutError:
        return False
    finally:
        wait_until_asked(page)


def change_and_turn(page):
    """Ask what happens without the first item, and for the smallest change that flips the decision."""
    page.get_by_label("without", exact=True).select_option(index=1)
    page.get_by_role("button", name="Ask again with the change").click()
    page.get_by_text("target after").wait_for()
    page.get_by_text(re.compile(r"rank [+-]\d+, score")).wait_for()
    page.get_by_role("button", name=re.compile("What would have to change")).first.click()
    page.get_by_text(re.compile(r"histories tried|\(\d+ histories\)|already says|Nothing|No change")).first.wait_for()
    expect(page.get_by_text("is writing ...")).to_have_count(0)
    page.wait_for_timeout(500)  # the record of the conversation is made anew, links and all


def saved(page, name, folder):
    if name == "ratings.jsonl":
        page.get_by_text("Your ratings as a file").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download your ratings" if name == "ratings.jsonl" else name).click()
    place = folder / name
    waiting.value.save_as(place)
    return place


def rate(page, rater):
    page.get_by_role("tab", name="Blind rating").click()
    field(page, "your name").fill(rater)
    field(page, "your name").press("Tab")
    page.get_by_role("button", name="Start or resume").click()
    page.get_by_text(re.compile("0 of .* rated")).wait_for()
    for done, key in enumerate("2130", 1):
        field(page, "rating").press(key)
        page.get_by_text(re.compile(f"^{done} of .* rated")).wait_for()


def whole_visit(page, titles, tmp_path, rated_run, rater):
    """Do everything that a visitor may do, in JupyterLab or on the web page."""
    build_and_ask(page, titles)
    shot(page, f"{rater}-asked")
    asked = watch_streaming(page)
    change_and_turn(page)
    shot(page, f"{rater}-what-if")
    kept = saved(page, "conversation.html", tmp_path)
    told = json.loads(saved(page, "conversation.json", tmp_path).read_text())
    assert f"## {1 + asked}." in saved(page, "conversation.md", tmp_path).read_text()
    assert told["state"]["history"] == titles[:3]
    assert told["provenance"]["run"] == "test/demo" and len(told["turns"]) == 1 + asked
    assert all(answer["prompt"] for turn in told["turns"] for answer in turn["answers"])
    rate(page, rater)
    shot(page, f"{rater}-rate")
    (file,) = (rated_run / "test/demo/ratings").glob(f"{rater}-*.jsonl")
    assert [r.score for r in read_ratings(file)] == [2, 1, 3, 0]
    assert saved(page, "ratings.jsonl", tmp_path).read_text() == file.read_text()
    return kept


def test_the_web_page(visit, web_page, titles, rated_run, tmp_path):
    page = visit(web_page)
    kept = whole_visit(page, titles, tmp_path, rated_run, "webber")
    # The export opens without kernel or network.
    other = visit(kept.as_uri())
    assert titles[2] in other.inner_text("body") and "The target" in other.inner_text("body")
    # A link opens the same state for somebody else.
    page.get_by_role("tab", name="Question").click()
    link = page.get_by_role("link", name="link to this state").get_attribute("href")
    again = visit(web_page.rstrip("/") + "/" + link)
    again.get_by_text("asking about:").wait_for()
    assert history_of(again) == numbered(titles[:3])


def test_behind_a_prefix(visit, rated_run, titles):
    """All requests of the page start with the prefix, so that they reach the proxy."""
    port, prefix = free_port(), "/user/a%40b.c/proxy/8000/"
    line = [sys.executable, "-m", "recx", "app", "--port", str(port), "--base-url", prefix]
    process = served(line, port, rated_run)
    try:
        page = visit(f"http://127.0.0.1:{port}{prefix}")
        build_and_ask(page, titles)
        link = page.get_by_role("link", name="link to this state").get_attribute("href")
        again = visit(f"http://127.0.0.1:{port}{prefix}{link}")
        again.get_by_text("asking about:").wait_for()
        asked = [urlparse(address) for address in visit.asked if not address.startswith(("data:", "blob:"))]
        assert {"http", "ws"} == {address.scheme for address in asked}
        assert not [address for address in asked if not address.path.startswith(prefix)]
    finally:
        end(process)


def test_jupyterlab(visit, lab_page, titles, rated_run, tmp_path):
    page = visit(lab_page)
    page.get_by_role("menuitem", name="Run", exact=True).wait_for(timeout=90_000)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".jp-Notebook .jp-Cell").first.click()
    for _ in range(6):  # up to the form; below it the page would scroll on
        page.keyboard.press("Shift+Enter")
    page.get_by_role("heading", name="1. History").wait_for(timeout=120_000)
    page.get_by_role("heading", name="1. History").scroll_into_view_if_needed()
    whole_visit(page, titles, tmp_path, rated_run, "labber")


def test_what_is_typed_stays_text(visit, web_page, titles):
    page = visit(web_page)
    begin(page)
    nasty = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
    add(page, nasty, taken=False)
    page.get_by_text(re.compile("The closest titles are listed below|Several titles match")).wait_for()
    add(page, titles[0])
    field(page, "item").fill(titles[1])
    page.get_by_role("button", name="Ask about this").click()
    page.get_by_text("asking about:").wait_for()
    field(page, "free text").fill(nasty)
    ask(page)
    wait_for_answers(page)
    page.locator("summary", has_text="The prompt").first.click()
    page.get_by_text("window.broken=1").first.wait_for()
    assert page.evaluate("window.broken") is None


def test_the_keyboard_alone(visit, web_page, titles):
    page = visit(web_page)
    begin(page)
    field(page, "add").focus()
    for title in titles[:2]:
        page.keyboard.type(title)
        page.keyboard.press("Enter")
        expect(field(page, "add")).to_have_value("")
    page.get_by_label("history", exact=True).focus()
    page.keyboard.press("ArrowDown")
    for _ in range(12):  # Tab through the buttons beside the list
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Later":
            page.keyboard.press("Enter")
            break
    page.get_by_label("history", exact=True).locator("option", has_text=spaced(f"1. {titles[1]}")).wait_for(
        state="attached"
    )
    field(page, "item").focus()
    page.keyboard.type(misspelt(titles[1]))
    page.keyboard.press("Enter")
    page.get_by_text("asking about:").wait_for()
    reached = False
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Ask":
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            page.keyboard.press("Enter")
            reached = True
            break
    assert reached
    wait_for_answers(page)


def test_two_visitors_do_not_meet(visit, web_page, titles):
    one, two = visit(web_page), visit(web_page)
    begin(one)
    begin(two)
    add(one, titles[0])
    add(two, titles[1])
    for page, own in ((one, titles[0]), (two, titles[1])):
        page.get_by_label("history", exact=True).locator("option", has_text=spaced(own)).wait_for(state="attached")
        assert history_of(page) == [f"1. {own}"]


def test_an_idle_visitor_is_forgotten(visit, rated_run):
    port = free_port()
    line = [sys.executable, "-m", "recx", "app", "--port", str(port), "--idle-minutes", "0.05"]
    process = served(line, port, rated_run)
    try:
        visit(f"http://127.0.0.1:{port}/").get_by_role("heading", name="1. History").wait_for()
        assert kernels(process)
        waited = time.monotonic()
        while kernels(process) and time.monotonic() - waited < 40:
            time.sleep(0.5)
        assert not kernels(process)
        others = psutil.Process(process.pid).children(recursive=True)
        assert others
    finally:
        end(process)
    gone, alive = psutil.wait_procs(others, timeout=20)
    assert not alive, "the page's server outlives the command"


def kernels(process):
    found = psutil.Process(process.pid).children(recursive=True)
    return [p for p in found if "ipykernel_launcher" in " ".join(line_of(p))]


def line_of(process):
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # ended since, or a zombie
        return []


@pytest.mark.parametrize("width", [640, 1280])
def test_readable_enlarged(visit, web_page, titles, width):
    """At 200 % zoom a window 1280 pixels wide has 640 left: everything wraps, and nothing is cut off."""
    page = visit(web_page)
    page.set_viewport_size({"width": width, "height": 900})
    build_and_ask(page, titles)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    cut = page.evaluate("""() => [...document.querySelectorAll('.recx, .recx *')].filter(
        e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 2
             && !['INPUT', 'SELECT', 'TEXTAREA'].includes(e.tagName)
             && getComputedStyle(e).overflowX !== 'visible').map(e => e.className + ': ' + e.innerText.slice(0, 40))""")
    assert not cut
    shot(page, f"wide-{width}")
