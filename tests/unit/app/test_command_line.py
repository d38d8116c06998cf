#!/usr/bin/python3
"""syncshell-relay's options, and that its help, its manual pages and config.example.toml say what it does.

usage: test_command_line.py RELAY [-k WORD]"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import tap
from support.certificate import Certificate
from tap import test

REPOSITORY = Path(__file__).resolve().parents[3]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("SYNCSHELL_")}
VALID = re.compile(r"The configuration is valid\.\nMemory at worst: \d+ MiB, with every limit reached at once\.\n( +\d+ MiB  .+\n){6}")


async def run(program, *arguments, cwd=None, **variables):
    """The ended process, with its output."""
    return await asyncio.to_thread(
        subprocess.run, [os.path.abspath(program), *arguments], capture_output=True, text=True, timeout=60, cwd=cwd, check=False,
        stdin=subprocess.DEVNULL, env={**ENVIRONMENT, **variables})


async def expect(program, *arguments, status=0, out="", err="", **more):
    done = await run(program, *arguments, **more)
    for said, expected in ((done.stdout, out), (done.stderr, err)):
        assert said == expected if isinstance(expected, str) else expected.fullmatch(said), done
    assert done.returncode == status, done


async def printed(program, *arguments):
    done = await run(program, *arguments)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def keys_of(text):
    """{"listen.port": 8787, ...} of a TOML text."""
    return {f"{section}.{key}": value for section, keys in tomllib.loads(text).items() for key, value in keys.items()}


# ---- options ----

@test
async def version_is_the_project_s(program):
    project = re.search(r"version: '([^']+)'", (REPOSITORY / "meson.build").read_text()).group(1)
    await expect(program, "--version", out=f"syncshell-relay {project}\n")


@test
async def check_config_says_valid(program):
    await expect(program, "--check-config", out=VALID)


@test
async def check_config_says_every_fault(program):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "relay.toml"
        file.write_text("[listen]\nprot = 1\n[log]\nlevel = 3\n")
        await expect(program, "--config", "relay.toml", "--check-config", "--set", "listen.port=70000", cwd=folder,
                     status=2, SYNCSHELL_RELAY_LOG_FORMAT="xml",
                     err='relay.toml:2: unknown key "listen.prot"; did you mean "listen.port"?\n'
                         "relay.toml:4: log.level: must be a string\n"
                         'SYNCSHELL_RELAY_LOG_FORMAT: log.format: "xml" is not one of "logfmt", "json"\n'
                         "--set: listen.port: 70000 is not between 0 and 65535\n")


@test
async def check_config_says_what_would_stop_a_start(program):
    """A certificate that is none, as the relay itself would find."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        await expect(program, "--set", f"listen.tls_certificate={file.name}", "--set", f"listen.tls_key={file.name}",
                     "--check-config", status=2,
                     err=re.compile(rf"listen\.tls_certificate: there is no usable PEM certificate in {file.name}: .+\n"))


@test
async def wrong_settings_do_not_start(program):
    await expect(program, "--set", "listen.tls_key=/dev/null", status=2,
                 err="--set: listen.tls_certificate and listen.tls_key belong together: set both or neither\n")


@test
async def the_file_may_come_from_the_environment(program):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.toml").write_text("[listen]\nport = 1001\n")
        (Path(folder) / "b.toml").write_text("[listen]\nport = 1002\n")
        for arguments, port in (((), 1001), (("--config", "b.toml"), 1002)):
            done = await run(program, "--print-config", *arguments, cwd=folder, SYNCSHELL_RELAY_CONFIG="a.toml")
            assert keys_of(done.stdout)["listen.port"] == port, done
    await expect(program, "--check-config", out=VALID, SYNCSHELL_RELAY_CONFIG="")
    await expect(program, "--check-config", status=2, err="absent.toml: No such file or directory\n",
                 SYNCSHELL_RELAY_CONFIG="absent.toml")


@test
async def wrong_command_lines(program):
    for arguments, sentence in (
            (["--prot=1"], "unknown option --prot=1"),
            (["-p", "1"], "unknown option -p"),
            (["8787"], "unexpected argument 8787"),
            (["--config"], "a value is missing after --config"),
            (["--check-config", "--version"], "only one of the options that end at once can be given"),
            (["--set", "log.level=info"] * 65, "too many --set; a --config FILE has no limit")):
        await expect(program, *arguments, status=2, err=f"syncshell-relay: {sentence}; --help explains\n")


@test
async def help_is_given_whatever_else_is_asked(program):
    text = await printed(program, "--help")
    assert await printed(program, "--check-config", "--help") == text
    assert await printed(program, "--help", "--version") == text


@test
async def output_that_is_lost_is_a_failure(program):
    for option in ("--print-example", "--print-config", "--help", "--version", "--check-config"):
        with open("/dev/full", "wb") as full:
            done = await asyncio.to_thread(subprocess.run, [program, option], stdout=full, stderr=subprocess.PIPE,
                                           text=True, timeout=60, check=False, env=ENVIRONMENT)
        assert done.returncode == 1, done
        assert done.stderr == "syncshell-relay: cannot write to standard output: No space left on device\n", done


@test
async def what_is_in_effect_is_printed_as_a_file(program):
    settings = ["--set", "listen.port=1", "--set", 'store.path=a "b".db', "--set", "public.urls=ws://localhost:1"]
    text = await printed(program, "--print-config", *settings)
    keys = keys_of(text)
    assert (keys["listen.port"], keys["store.path"]) == (1, 'a "b".db')
    assert keys["public.urls"] == ["ws://localhost:1"] and keys["log.level"] == "info"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "relay.toml").write_text(text)
        await expect(program, "--config", "relay.toml", "--print-config", out=text, cwd=folder)


# ---- what is written about it ----

@test
async def the_example_file_is_the_program_s(program):
    assert (REPOSITORY / "config.example.toml").read_text() == await printed(program, "--print-example")
    await expect(program, "--config", str(REPOSITORY / "config.example.toml"), "--check-config", out=VALID)


@test
async def every_key_can_be_set_in_the_environment(program):
    example = await printed(program, "--print-example")
    for key, value in keys_of(example).items():
        name = "SYNCSHELL_RELAY_" + key.upper().replace(".", "_")
        assert re.search(rf"^#.* {name}\.", example, re.MULTILINE), name
        done = await run(program, "--check-config", **{name: " ".join(value) if value == [] else str(value)})
        assert done.returncode == 0, done


def options_in(text):
    return set(re.findall(r"--[a-z][a-z-]*", text))


def manual(page):
    """A manual page without roff's escapes of dashes."""
    return (REPOSITORY / "relay/man" / page).read_text().replace("\\-", "-")


@test
async def help_and_manual_name_the_same_options(program):
    text = await printed(program, "--help")
    listed = set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE))
    page = manual("syncshell-relay.1")
    headed = set(re.findall(r"^\.BI? (--[a-z-]+)", page[page.index(".SH OPTIONS"):page.index(".SH ENVIRONMENT")],
                            re.MULTILINE))
    assert listed == headed
    assert options_in(text) == options_in(page) == listed
    for option in listed - {"--config", "--set", "--expires-days", "--ca"}:  # those have a value
        done = await run(program, option)
        assert done.returncode == 0, done


def keys_of_manual(page):
    """{key: (type, default, needs a restart)} as the page has it."""
    keys, section = {}, None
    lines = page[page.index(".SH KEYS"):page.index(".SH EXAMPLES")].splitlines()
    for line, following in zip(lines, lines[1:]):
        if line.startswith(".SS ["):
            section = line[5:-1]
        elif line.startswith(".B "):
            kind, default, restart = re.fullmatch(r"(.*?)\. Default: (.*?)\.( Needs a restart\.)?", following).groups()
            keys[f"{section}.{line[3:]}"] = (kind, default, restart is not None)
    return keys


def keys_of_example(example):
    """The same, as the program has it."""
    keys, section, last = {}, None, ""
    for line in example.splitlines():
        if line.startswith("["):
            section = line[1:-1]
        elif " = " in line and not line.startswith("#"):
            key, default = line.split(" = ", 1)
            restart = last.endswith(" Needs a restart.")
            if integer := re.match(r"# (\d+ to \d+)\.", last):
                kind = f"Integer, {integer.group(1)}"
            elif choice := re.match(r"# (One of [^.]+)\.", last):
                kind = choice.group(1)
            else:
                kind = "Array of strings" if default.startswith("[") else "String"
            keys[f"{section}.{key}"] = (kind, default, restart)
        last = line
    return keys


@test
async def the_manual_has_every_key(program):
    described = keys_of_manual(manual("syncshell-relay.toml.5"))
    known = keys_of_example(await printed(program, "--print-example"))
    assert len(known) > 20
    assert described == known, set(described.items()) ^ set(known.items())


@test
async def the_manual_s_examples_are_valid(program):
    page = manual("syncshell-relay.toml.5")
    examples = re.findall(r"^\.EX\n(.*?)^\.EE", page, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        with tempfile.TemporaryDirectory() as folder:
            files = Certificate(Path(folder))
            text = example.replace(".PP\n", "\n").replace("/etc/ssl/relay.example/chain.pem", str(files.certificate))
            (Path(folder) / "relay.toml").write_text(text.replace("/etc/ssl/relay.example/key.pem", str(files.key)))
            await expect(program, "--config", "relay.toml", "--check-config", out=VALID, cwd=folder)


@test
async def the_manual_says_where_things_are(program):
    page = manual("syncshell-relay.1")
    assert "SYNCSHELL_RELAY_CONFIG" in page and "syncshell-relay-data" in page and "8787" in page
    mentioned = set(re.findall(r"\b(?:timing|listen)\.[a-z_]+\b", page))
    assert mentioned and mentioned <= set(keys_of(await printed(program, "--print-example")))


if __name__ == "__main__":
    sys.exit(tap.main())
