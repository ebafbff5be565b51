"""spec/mifeng.schema.json against the loader, on the files that the loader's own test reads (libs/manifest/testdata): what
is good is good for both, what is bad is bad for both; loader-* holds what only the loader can see."""
import json
import pathlib

import jsonschema
import pytest
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted((SOURCE / "libs/manifest/testdata").glob("*.yaml"))
EXAMPLES = sorted((SOURCE / "examples").glob("*/*.yaml"))
SCHEMA = json.loads((SOURCE / "spec/mifeng.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_itself():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len([path for path in FILES if path.name.startswith("good-")]) >= 8
    assert len([path for path in FILES if path.name.startswith("bad-")]) >= 30
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_says_what_the_loader_says(path):
    if path.name.startswith("loader-"):
        try:
            value = yaml.safe_load(path.read_text())
        except yaml.YAMLError:
            return  # PyYAML refuses it as well
        errors = list(VALIDATOR.iter_errors(value))
        assert not errors, "the schema sees it after all: call the file bad-"
        return
    errors = list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text())))
    if path.name.startswith("good-"):
        assert not errors, [error.message for error in errors]
    else:
        assert errors


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_examples(path):
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text())))
