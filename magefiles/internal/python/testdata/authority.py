# Says what the library packaging makes of versions and names: one JSON document in, one out.
import json
import sys

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


def parse(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


def name(text):
    try:
        return canonicalize_name(text) if Requirement(text).name == text else None
    except InvalidRequirement:
        return None


asked = json.load(sys.stdin)
versions = [parse(text) for text in asked["versions"]]
pairs = [(a, b) for a, b in zip(versions, versions[1:]) if a is not None and b is not None]
json.dump({
    "versions": [None if v is None else {"normal": str(v), "preview": v.is_prerelease, "local": v.local or ""} for v in versions],
    "order": [(a > b) - (a < b) for a, b in pairs],
    "names": [name(text) for text in asked["names"]],
}, sys.stdout)
