"""Holds what `sam build` made against what Lambda takes, and prints how large it is.

    python infra/cloud/artifacts.py FOLDER arm64|x86_64

Every function of template.yaml must have `FOLDER/<LogicalId>/bootstrap`: an ELF program of that architecture, within Lambda's
sizes, that asks for no newer glibc than the runtime has.
"""

import argparse
import io
import pathlib
import re
import struct
import sys
import zipfile

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "template.yaml"

# `e_machine`, https://gabi.xinuos.com/elf/a-emachine.html
MACHINES = {"arm64": 183, "x86_64": 62}

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: what may be uploaded, and what it may unpack to.
MOST_ZIPPED = 50 * 1024 * 1024
MOST_UNZIPPED = 250 * 1024 * 1024

# Of Amazon Linux 2023, which is provided.al2023: https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html
NEWEST_GLIBC = (2, 34)


class Unfit(ValueError):
    """Lambda would not take it, or could not run it."""


def functions(template=TEMPLATE):
    """The logical ids of the functions that SAM builds."""
    resources = yaml_parse(template.read_text(encoding="utf-8"))["Resources"]
    return sorted(name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function")


def measure(bootstrap, architecture):
    """The sizes of a program in bytes, as it is and zipped. Raises `Unfit`."""
    if not bootstrap.is_file():
        raise Unfit("is missing")
    program = bootstrap.read_bytes()
    if machine(program) != MACHINES[architecture]:
        raise Unfit(f"is no program for {architecture}")
    if glibc(program) > NEWEST_GLIBC:
        raise Unfit("asks for glibc {}.{}, the runtime has {}.{}".format(*glibc(program), *NEWEST_GLIBC))
    zipped = len(zip_of(program))
    if zipped > MOST_ZIPPED or len(program) > MOST_UNZIPPED:
        raise Unfit(f"is too large: {len(program)} bytes, {zipped} zipped")
    return len(program), zipped


def machine(program):
    """The `e_machine` of a 64-bit little-endian ELF file; None for anything else."""
    if len(program) < 20 or program[:6] != b"\x7fELF\x02\x01":
        return None
    return struct.unpack_from("<H", program, 18)[0]


def glibc(program):
    """The newest version of glibc's symbols that a program names; (0, 0) if it names none."""
    versions = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", program)
    return max(((int(major), int(minor)) for major, minor in versions), default=(0, 0))


def zip_of(program):
    """The deployment package: the program alone."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("bootstrap", program)
    return file.getvalue()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("architecture", choices=MACHINES)
    given = arguments.parse_args()
    unfit = False
    print(f"{'function':<16} {'architecture':<13} {'bootstrap':>10} {'zipped':>10}")
    for name in functions():
        bootstrap = given.folder / name / "bootstrap"
        try:
            sizes = measure(bootstrap, given.architecture)
        except Unfit as error:
            unfit = True
            print(f"{bootstrap} {error}", file=sys.stderr)
        else:
            print(f"{name:<16} {given.architecture:<13}", *(f"{size / 1e6:>7.2f} MB" for size in sizes))
    sys.exit(unfit)


if __name__ == "__main__":
    main()
