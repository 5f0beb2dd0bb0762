"""Chromium without a window, driven by its own driver; found, or installed where that is allowed."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.directories import temporary_directory
from tests.support.packages import found_or_installed
from tests.support.waiting import eventually, patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVERS = ("chromedriver", "chromium.chromedriver")
PACKAGES = ("chromium", "chromium-driver")
PAGE_TIMEOUT = 30.0
ACT_TIMEOUT = 10.0

SWITCHES = (
    "--headless",
    "--no-sandbox",  # root may not have one, and the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
    # Who tries to reach anything but this machine must fail, and be seen to.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class BrowserMissingError(AssertionError):
    """There is no Chromium here and it cannot be installed; the message says what to install."""


class Browser:
    """One page in a browser of its own, with short ways to do what a person does.

    Attributes:
        driver: Selenium's, for everything else.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self._requests: list[str] = []
        self._complaints: list[str] = []

    def open(self, url: str, width: int = 1280, height: int = 800) -> None:
        """Goes to an address, in a window of this size in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(url)

    def find(self, selector: str) -> WebElement:
        """The first element that is there and visible, as soon as it is."""
        return eventually(lambda: next(iter(self.visible(selector)), None), f"a visible {selector}")

    def visible(self, selector: str) -> list[WebElement]:
        """Every visible element."""
        script = (
            "return [...document.querySelectorAll(arguments[0])].filter(one => one.checkVisibility()"
            " && one.getClientRects().length)"
        )
        return self.driver.execute_script(script, selector)

    def texts(self, selector: str) -> list[str]:
        """What the visible ones of these elements say."""
        script = (
            "return [...document.querySelectorAll(arguments[0])].filter(one => one.checkVisibility())"
            ".map(one => one.innerText.trim())"
        )
        return self.driver.execute_script(script, selector)

    def click(self, selector: str) -> None:
        """Clicks as a mouse does: what covers the element gets the click."""
        self.act(lambda: self.find(selector).click())

    def act(self, action: Callable[[], object]) -> None:
        """Does something to elements, and once more where the page drew them anew in between."""

        def done(_driver: webdriver.Chrome) -> bool:
            action()
            return True

        WebDriverWait(
            self.driver, patience(ACT_TIMEOUT), ignored_exceptions=[StaleElementReferenceException]
        ).until(done)

    def fill(self, selector: str, text: str) -> None:
        """Types a text in place of the one in a field."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, text: str) -> None:
        """Chooses an option by what it says."""
        options = self.find(selector).find_elements(By.TAG_NAME, "option")
        next(option for option in options if text in option.text).click()

    def press(self, *keys: str) -> None:
        """Presses keys, wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self) -> str:
        """The id of what has the focus, or its text where it has none."""
        return self.driver.execute_script(
            "return document.activeElement.id || document.activeElement.innerText.trim()"
        )

    def says(self, selector: str, text: str, timeout: float = 10.0) -> str:
        """The text of the first of these that contains this one, as soon as one does."""
        found: list[str] = []

        def look() -> str | None:
            found[:] = self.texts(selector)
            return next((one for one in found if text in one), None)

        try:
            return eventually(look, f"{text!r} in {selector}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {found}; the console says {self.complaints()}") from None

    def forget(self) -> None:
        """Begins anew to note requests and complaints."""
        self.complaints()
        self.requests()
        self._complaints, self._requests = [], []

    def complaints(self) -> list[str]:
        """What was written to the console as a warning or an error since `forget`."""
        self._complaints += [
            f"{entry['level']} {entry['message']}"
            for entry in self.driver.get_log("browser")
            if entry["level"] != "INFO"
        ]
        return self._complaints

    def requests(self) -> list[str]:
        """The address of every request since `forget`."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])
        return self._requests

    def hosts(self) -> set[str]:
        """Every host that was asked for something."""
        addresses = (urlsplit(url) for url in self.requests())
        return {url.netloc for url in addresses if url.scheme not in ("data", "blob", "chrome", "about")}


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own."""
    program, driver_path = _programs()
    options = Options()
    options.binary_location = program
    for switch in SWITCHES:
        options.add_argument(switch)
    options.add_argument(f"--user-data-dir={temporary_directory('browser')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    driver.set_page_load_timeout(patience(PAGE_TIMEOUT))
    driver.set_script_timeout(patience(PAGE_TIMEOUT))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def _programs() -> tuple[str, str]:
    """The browser and its driver.

    Raises:
        BrowserMissingError: They are not there and may not be installed here.
    """
    programs = found_or_installed(found, *PACKAGES)
    if programs is None:
        raise BrowserMissingError(
            "The tests of the situation page need Chromium and its driver in the PATH"
            f" (Debian: apt-get install {' '.join(PACKAGES)}; elsewhere Chrome and chromedriver)."
        )
    return programs


def found() -> tuple[str, str] | None:
    """Return the browser and its driver, if both are here."""
    program, driver = (next(filter(None, map(shutil.which, names)), None) for names in (BROWSERS, DRIVERS))
    return (program, driver) if program and driver else None
