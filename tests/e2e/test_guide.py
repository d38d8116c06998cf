"""The snippets of shared/README.md: what a plugin author copies out of it compiles, and its first program runs."""

import re
import subprocess
from pathlib import Path

import pytest

from support.process import INHERITED, Relay
from support.wait import LIMIT_S
from test_csharp import BINDING, LIBRARY, environment

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = REPOSITORY / "shared/README.md"
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
C_SNIPPETS = [text for language, text in SNIPPETS if language == "c"]
COMPILER = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{REPOSITORY / 'shared/include'}"]


def compile_c(path, text, *arguments):
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([*COMPILER, path, *arguments], capture_output=True, text=True, timeout=LIMIT_S, env=INHERITED)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("index", range(len(C_SNIPPETS)))
def test_c_snippet_compiles(tmp_path, index):
    compile_c(tmp_path / "snippet.c", C_SNIPPETS[index], "-fsyntax-only")


def test_every_c_snippet_was_found():
    assert len(C_SNIPPETS) == GUIDE.read_text(encoding="utf-8").count("```c\n") > 0


def test_csharp_snippets_compile(tmp_path):
    texts = [text for language, text in SNIPPETS if language == "csharp"]
    assert texts
    for index, text in enumerate(texts):
        snippet = tmp_path / f"Snippet{index}.cs"
        snippet.write_text(text, encoding="utf-8")
        subprocess.run(["mcs", "-target:library", "-warn:4", f"-out:{tmp_path / 'snippet.dll'}", snippet, BINDING],
                       check=True, timeout=LIMIT_S)


def test_the_first_program_prints_an_invite(tmp_path):
    program = tmp_path / "plugin"
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = Relay(folder).start()
    try:
        text = C_SNIPPETS[0].replace("ws://127.0.0.1:8787", relay.url)
        text = text.replace("syncshell-state", str(tmp_path / "state"))
        compile_c(tmp_path / "plugin.c", text, "-o", program, LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}",
                  "-Wl,--allow-shlib-undefined")
        done = subprocess.run([program], capture_output=True, text=True, timeout=LIMIT_S, env=environment())
    finally:
        status = relay.stop()
    assert done.returncode == 0, done.stderr
    assert "\nsyncshell_created syncshell1." in done.stdout
    assert status == 0
