"""What is refused of what `sam build` makes."""

import os
import struct

import artifacts
import pytest

X86_64, ARM64 = 62, 183


def elf(machine, symbols=(b"GLIBC_2.17", b"GLIBC_2.34"), ballast=b""):
    """As much of a program as is looked at."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine)
    return header + b"\0" + b"\0".join(symbols) + b"\0" + ballast


@pytest.fixture
def bootstrap(tmp_path):
    return tmp_path / "bootstrap"


@pytest.mark.parametrize(("machine", "architecture"), [(X86_64, "x86_64"), (ARM64, "arm64")])
def test_a_program_of_the_right_architecture_is_measured(bootstrap, machine, architecture):
    bootstrap.write_bytes(elf(machine, ballast=bytes(100_000)))
    size, zipped = artifacts.measure(bootstrap, architecture)
    assert size == bootstrap.stat().st_size
    assert zipped < 1_000


def test_a_missing_program_is_refused(bootstrap):
    with pytest.raises(artifacts.Unfit, match="missing"):
        artifacts.measure(bootstrap, "arm64")


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n" + bytes(100), elf(X86_64), elf(ARM64)[:19]])
def test_what_is_no_program_of_that_architecture_is_refused(bootstrap, content):
    bootstrap.write_bytes(content)
    with pytest.raises(artifacts.Unfit, match="no program for arm64"):
        artifacts.measure(bootstrap, "arm64")


def test_a_glibc_newer_than_the_runtime_s_is_refused(bootstrap):
    bootstrap.write_bytes(elf(X86_64, symbols=(b"GLIBC_2.4", b"GLIBC_2.36", b"GLIBC_2.17")))
    with pytest.raises(artifacts.Unfit, match=r"asks for glibc 2\.36"):
        artifacts.measure(bootstrap, "x86_64")


def test_what_does_not_compress_below_the_limit_is_refused(bootstrap):
    bootstrap.write_bytes(elf(ARM64, ballast=os.urandom(artifacts.MOST_ZIPPED)))
    with pytest.raises(artifacts.Unfit, match="too large"):
        artifacts.measure(bootstrap, "arm64")


def test_every_function_of_the_template_is_looked_for():
    assert {"AdminApi", "FanOut", "DeliverWebhook"} <= set(artifacts.functions())
