import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


def locked(name):
    """Version and number of hashes of each package of a lock file."""
    text = (REQUIREMENTS / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {
        canonicalize_name(line.split("==")[0]): (line.split("==")[1].split()[0], line.count("--hash=sha256:"))
        for line in lines
    }


@pytest.mark.parametrize("name", ["runtime.txt", "development.txt"])
def test_a_lock_names_no_place_of_download(name):
    assert not re.search(
        r"://|--index|--extra-index|--find-links|--trusted-host", (REQUIREMENTS / name).read_text()
    )


@pytest.mark.parametrize("name", ["runtime.txt", "development.txt"])
def test_every_locked_package_has_hashes(name):
    assert [package for package, (_, hashes) in locked(name).items() if hashes == 0] == []


@pytest.mark.parametrize("name", ["runtime", "development"])
def test_a_lock_holds_what_is_asked_for(name):
    asked = [
        Requirement(line)
        for line in (REQUIREMENTS / f"{name}.in").read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    ]
    versions = {package: version for package, (version, _) in locked(f"{name}.txt").items()}
    assert asked
    for requirement in asked:
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_both_locks_agree():
    runtime, development = locked("runtime.txt"), locked("development.txt")
    shared = runtime.keys() & development.keys()
    assert {name: runtime[name] for name in shared} == {name: development[name] for name in shared}
