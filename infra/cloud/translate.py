"""The SAM template as the plain CloudFormation that AWS deploys: what its `AWS::Serverless` transform makes of it.

Done by the transform's own published code (https://github.com/aws/serverless-application-model), without AWS and
without a network. As a command it prints JSON:

    python infra/cloud/translate.py [--template FILE] [--parameter NAME=VALUE]... > template.json
"""

import argparse
import json
import logging
import pathlib
import sys

from boto3.session import Session
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
REGION = "us-east-1"
BUCKET = "artifacts"


class TemplateError(ValueError):
    """The transform refuses the template, or a parameter is none of the template's."""


def translate(template_path=TEMPLATE, parameters=None, region=REGION):
    """The template, translated. `parameters` stand for what is not to be its default; the rest of them stays `Ref`s.

    Code from local folders is where `sam package` would have put it, under a stable name: see `artifact`.
    """
    template = yaml_parse(pathlib.Path(template_path).read_text(encoding="utf-8"))
    parameters = dict(parameters or {})
    unknown = sorted(parameters.keys() - template.get("Parameters", {}).keys())
    if unknown:
        raise TemplateError(f"no parameters of the template: {', '.join(unknown)}")
    package(template)
    translator = Translator({}, Parser(), boto_session=Session(region_name=region))
    try:
        return translator.translate(template, parameters)
    except InvalidDocumentException as error:
        raise TemplateError("\n".join(cause.message for cause in error.causes)) from error


def package(template):
    """Gives every function that is built from a folder the address of its zip, as `sam package` does."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] != "AWS::Serverless::Function" or {"InlineCode", "ImageUri"} & properties.keys():
            continue
        properties["CodeUri"] = f"s3://{BUCKET}/{artifact(name)}"


def artifact(function):
    """The key, in `BUCKET`, of the zip of a function, named by its logical id."""
    return f"{function}.zip"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--template", default=TEMPLATE, type=pathlib.Path, help="default: the product's own")
    arguments.add_argument("--parameter", action="append", default=[], type=assignment, metavar="NAME=VALUE")
    arguments.add_argument("--region", default=REGION, help=f"default: {REGION}")
    given = arguments.parse_args()
    # It warns of every feature toggle that AWS sets for itself.
    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)
    try:
        translated = translate(given.template, dict(given.parameter), given.region)
    except TemplateError as error:
        sys.exit(f"{given.template}: {error}")
    json.dump(translated, sys.stdout, indent=2)
    print()


def assignment(text):
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    main()
