"""A load ends with whoever asked for it, however that ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.tf  # it needs none of it, but seconds

LONGEST = 60.0

HOST = """
import os
from tfx_savedmodel.validation.loading import host
def load(request, tell):
    told = os.open({fifo!r}, os.O_WRONLY)
    os.write(told, b"loading")
    while True: pass
host.load = load
host.main()
"""
ASKER = """
from pathlib import Path
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits
LoaderHost.module = "a_host"
with LoaderHost() as host:
    host.observe("native", Path("model"), ("serve",), Limits(seconds=3600))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_load_that_hangs_ends_with_the_process_that_asked(tmp_path: Path, number: signal.Signals) -> None:
    fifo = tmp_path / "told"
    os.mkfifo(fifo)
    (tmp_path / "a_host.py").write_text(HOST.format(fifo=str(fifo)), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "components"), str(tmp_path)])}
    told = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    asker = subprocess.Popen([sys.executable, "-c", ASKER], env=environment, stderr=subprocess.DEVNULL)
    try:
        assert select.select([told], [], [], LONGEST)[0]
        assert os.read(told, 100) == b"loading"
        asker.send_signal(number)
        assert asker.wait(LONGEST) != 0
    finally:
        asker.kill()
        asker.wait()
    assert select.select([told], [], [], LONGEST)[0], "the load goes on"
    assert os.read(told, 100) == b""
    os.close(told)
