# SPDX-License-Identifier: GPL-2.0-only
"""records.py: docs/report.schema.json as it is, and closed: nothing that is not in there is allowed."""
import copy
import json
import pathlib

import jsonschema

TOP = pathlib.Path(__file__).resolve().parents[2]


def load():
    return json.loads((TOP / "docs/report.schema.json").read_text(encoding="ascii"))


def _close(node):
    if isinstance(node, list):
        for item in node:
            _close(item)
    elif isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for item in node.values():
            _close(item)


def types(schema):
    """Names of the record types."""
    return [branch["if"]["properties"]["type"]["const"] for branch in schema["allOf"]]


def opened():
    schema = load()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def closed():
    schema = copy.deepcopy(load())
    _close(schema["$defs"])
    schema["properties"]["type"] = {"enum": types(schema)}
    return jsonschema.Draft202012Validator(schema)


def errors(validator, record):
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(record)]
