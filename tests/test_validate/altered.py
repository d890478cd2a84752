"""Alters a copy of a results folder as an attacker would: the manifest agrees with it."""

import json

from validate.records.manifest import read_manifest, write_manifest
from validate.records.storage import sha256


def reseal(folder, name):
    """Makes the manifest agree with an altered file."""
    manifest = read_manifest(folder)
    manifest.files[name] = sha256((folder / name).read_bytes())
    write_manifest(folder, manifest)


def alter(folder, name, change):
    """Passes the rows of a file through `change`, and makes the manifest agree with what comes of
    them.
    """
    rows = [json.loads(line) for line in (folder / name).read_bytes().splitlines()]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in change(rows)))
    reseal(folder, name)
