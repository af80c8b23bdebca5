"""What `make/image_trim.py` takes out of an environment, on environments made for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.unit

SCRIPT = ROOT / "make" / "image_trim.py"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with some distributions, trimmed once for all tests."""
    prefix = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    site = next(prefix.glob("lib/python*/site-packages"))
    put(
        site,
        "tfx",
        {"tfx/a.py": "A = 1\n", "tfx/a_test.py": "", "tfx/testdata/x.csv": "1"},
        "tensorflow",
        "Odd[more]",
        "ipywidgets",
    )
    put(site, "ipywidgets", {})
    put(site, "ipykernel", {})
    put(site, "tensorflow", {"tensorflow/include/a.h": "x" * 100, "tensorflow/tests/b.py": ""}, "libclang", "shared")
    put(site, "libclang", {"clang/c.so": "", "../../../bin/clang": ""}, "only-clang", "shared")
    put(site, "only-clang", {"only_clang.py": ""})
    put(site, "shared", {"shared/_a_test.py": "", "shared/a.a": "", "shared/broken.py": "def"})
    put(site, "odd", {"odd.py": ""}, 'for-more; extra == "more"', 'for-less; extra == "less"')
    put(site, "for-more", {"for_more.py": ""})
    put(site, "for-less", {"for_less.py": ""})
    put(site, "packaging", {})
    (site / "packages.pth").write_text(f"{Path(__import__('packaging').__file__).parents[1]}\n", encoding="utf-8")
    asked = prefix / "stack.in"
    asked.write_text("# The stack.\ntfx==1.0  # pinned\npackaging\n", encoding="utf-8")
    trimmed = subprocess.run(
        [str(prefix / "bin" / "python"), str(SCRIPT), str(asked)], capture_output=True, text=True, check=False
    )
    assert trimmed.returncode == 0, trimmed.stderr
    (prefix / "said.txt").write_text(trimmed.stdout, encoding="utf-8")
    return prefix / "bin" / "python"


@pytest.fixture
def site(python: Path) -> Path:
    return next(python.parents[1].glob("lib/python*/site-packages"))


def put(site: Path, name: str, files: dict[str, str], *requires: str) -> None:
    """Install a distribution."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {each}" for each in requires)]
    record = f"{info}/RECORD"
    texts = {**files, f"{info}/METADATA": "\n".join(lines) + "\n"}
    texts[record] = "".join(f"{path},,\n" for path in (*texts, record))
    for path, text in texts.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")


def test_what_is_asked_for_and_what_it_requires_stays(site: Path) -> None:
    assert {path.name.split("-")[0] for path in site.glob("*.dist-info")} == {
        "tfx", "tensorflow", "shared", "odd", "for_more", "ipywidgets", "ipykernel", "packaging",
    }  # fmt: skip


def test_needless_distributions_go_with_what_only_they_require(python: Path, site: Path) -> None:
    assert not (site / "clang").exists()
    assert not (python.parent / "clang").exists()
    assert not (site / "only_clang.py").exists()
    assert not (site / "for_less.py").exists()


def test_headers_static_libraries_and_tests_go(site: Path) -> None:
    assert not (site / "tensorflow" / "include").exists()
    assert not (site / "tfx" / "a_test.py").exists()
    assert not (site / "tfx" / "testdata").exists()
    assert not (site / "shared" / "a.a").exists()


def test_modules_that_are_only_named_like_tests_stay(site: Path) -> None:
    assert (site / "shared" / "_a_test.py").is_file()
    assert (site / "tensorflow" / "tests" / "b.py").is_file()


def test_record_names_what_is_left(site: Path) -> None:
    record = (site / "tfx-1.0.dist-info" / "RECORD").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in record.splitlines()] == [
        "tfx/a.py",
        "tfx-1.0.dist-info/METADATA",
        "tfx-1.0.dist-info/RECORD",
    ]


def test_modules_are_compiled_whatever_the_time_of_their_files(python: Path, site: Path) -> None:
    source = site / "tfx" / "a.py"
    source.write_text("A = 2\n", encoding="utf-8")
    said = subprocess.run([str(python), "-c", "import tfx.a; print(tfx.a.A)"], capture_output=True, text=True)
    assert said.stdout == "1\n"  # of the bytecode, which asks for no time


def test_it_says_what_it_took_and_why(python: Path) -> None:
    said = (python.parents[1] / "said.txt").read_text(encoding="utf-8")
    assert "MB  tensorflow/include: there is no compiler to read it" in said
    assert "MB  libclang: TensorFlow's build reads C++ with it" in said
    assert "MB  only-clang: only what is taken out asks for it" in said
    assert said.splitlines()[-1].endswith("MB  taken out")
