"""What `make` says and does while it installs, without a package index."""

import io
import re
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest

from infra import install
from tests.support.processes import ROOT


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """An index that is a directory with two packages, and locks for them; pip reaches nothing else."""
    directory = tmp_path / "wheels"
    directory.mkdir()
    locks = tmp_path / "requirements"
    locks.mkdir()
    for name, lock in (("first-thing", "runtime"), ("second.thing", "development")):
        digest = sha256(make_wheel(directory, name)).hexdigest()
        (locks / f"{lock}.txt").write_text(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    for variable, value in (
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", str(directory)),
        ("PIP_NO_CACHE_DIR", "1"),
    ):
        monkeypatch.setenv(variable, value)
    return locks


def make_wheel(directory, name):
    module = re.sub(r"[-.]", "_", name)
    files = {
        f"{module}.py": "",
        f"{module}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{module}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}\n"
        for path, text in files.items()
    )
    path = directory / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name_in_wheel, text in (files | {f"{module}-1.0.dist-info/RECORD": record}).items():
            wheel.writestr(name_in_wheel, text)
    return path.read_bytes()


def imports(environment, module):
    return (
        subprocess.run([environment / "bin" / "python", "-c", f"import {module}"], check=False).returncode
        == 0
    )


def test_only_the_packages_of_the_sets_are_installed_and_the_rest_can_follow(wheels, tmp_path):
    environment, said = tmp_path / ".venv", io.StringIO()
    install.install(["runtime"], environment, said)
    assert imports(environment, "first_thing")
    assert not imports(environment, "second_thing")
    assert "Installing 1 pinned packages into .venv (runtime)" in said.getvalue()
    assert "1 of 1 packages fetched" in said.getvalue().splitlines()[-1]

    install.install(["runtime", "development"], environment, said)
    assert imports(environment, "second_thing")


def test_a_package_with_another_hash_is_refused_with_what_pip_said(wheels, tmp_path):
    lock = wheels / "runtime.txt"
    lock.write_text(re.sub(r"sha256:\w+", f"sha256:{'0' * 64}", lock.read_text()))
    with pytest.raises(install.InstallError, match="DO NOT MATCH THE HASHES"):
        install.install(["runtime"], tmp_path / ".venv", io.StringIO())


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_line_that_changes_and_a_file_gets_lines():
    terminal, file = Terminal(), io.StringIO()
    for output in (terminal, file):
        progress = install.Progress(3, output)
        for progress.fetched in (1, 2):
            progress.show(0, at_once=True)
        progress.end()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().count("\r") == 2
    assert [line.partition(" after")[0] for line in file.getvalue().splitlines()] == [
        "  1 of 3 packages fetched, 0 installed",
        "  2 of 3 packages fetched, 0 installed",
    ]


def test_what_checks_is_in_no_lock_of_what_runs():
    runtime = (ROOT / "requirements" / "runtime.txt").read_text()
    development = (ROOT / "requirements" / "development.txt").read_text()
    for package in ("mypy", "moto", "schemathesis", "pytest", "ruff", "selenium"):
        assert re.search(rf"^{package}==", development, re.MULTILINE), package
        assert not re.search(rf"^{package}==", runtime, re.MULTILINE), package


def test_a_lock_that_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "ROOT", tmp_path)
    with pytest.raises(install.InstallError, match=r"There is no .*runtime\.txt"):
        install.install(["runtime"], tmp_path / ".venv", io.StringIO())


def test_it_runs_with_the_standard_library_alone():
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", "import infra.install"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
