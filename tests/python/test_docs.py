"""What docs/testing-with-python.md shows works."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "testing-with-python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def files():
    """The blocks that begin with the name of a file."""
    named = (re.match(r"# (\w+\.py)\n", block) for block in BLOCKS)
    return {name.group(1): block for name, block in zip(named, BLOCKS) if name}


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the client is bundled for this machine alone"
)
def test_the_application_passes_its_tests(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    assert sorted(files()) == ["conftest.py", "orders.py", "test_orders.py"]
    for name, text in files().items():
        (project / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"],
        cwd=project,
        # The client writes its log below the home directory.
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_other_blocks_run():
    others = [block for block in BLOCKS if block not in files().values()]
    assert len(others) == 1
    done = subprocess.run([sys.executable, "-c", others[0]], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "an order\nan order\n"


def test_every_call_that_the_page_names_exists():
    from libbroker import Broker

    text = PAGE.read_text(encoding="utf-8")
    calls = set(re.findall(r"`(\w+)\(", text)) - {"ack", "retry", "Broker"}
    assert calls and {call for call in calls if not hasattr(Broker, call)} == set()
