# A build frontend (PEP 517) that needs only Python and pip:
#
#     frontend.py pip ARGUMENT...            pip, which also trusts the authorities in /run/blumeops/ca.pem
#     frontend.py requires OUT SETTINGS      writes what the backend requires in addition, as a JSON array
#     frontend.py build OUT SETTINGS         builds an sdist of the working directory, and a wheel from the sdist
#
# SETTINGS is a JSON object with backend and path. Each hook runs in a process of its own, as PEP 517 says.
import importlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile

AUTHORITIES = "/run/blumeops/ca.pem"


def pip(arguments):
    if os.path.exists(AUTHORITIES):
        from pip._vendor import certifi

        bundle = tempfile.mkstemp(suffix=".pem")[1]
        with open(bundle, "w") as out:
            for name in certifi.where(), AUTHORITIES:
                if os.path.exists(name):
                    with open(name) as text:
                        out.write(text.read() + "\n")
        os.environ["PIP_CERT"] = bundle
    os.execv(sys.executable, [sys.executable, "-m", "pip", *arguments])


def hook(name, settings, *arguments):
    """Runs a hook of the backend in this process. A missing optional hook is None."""
    sys.path[:1] = [os.path.abspath(folder) for folder in settings["path"]]  # without the folder of this script
    module, _, attributes = settings["backend"].partition(":")
    backend = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    if name.startswith("get_requires") and not hasattr(backend, name):
        return None
    return getattr(backend, name)(*arguments)


def call(name, settings, *arguments, cwd="."):
    """Runs a hook in another process."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result.json")
        subprocess.run([sys.executable, os.path.abspath(__file__), "hook", name, json.dumps(settings), result, *arguments], cwd=cwd, check=True)
        with open(result) as text:
            return json.load(text)


def set_times(root):
    """Gives files and folders the time of the build: engines differ in the times of the files that they send."""
    time = int(os.environ["SOURCE_DATE_EPOCH"])
    for folder, _, names in os.walk(root, topdown=False):
        for name in [os.path.join(folder, n) for n in names] + [folder]:
            os.utime(name, (time, time))


def requires(out, settings):
    found = [call("get_requires_for_build_" + kind, settings) or [] for kind in ("sdist", "wheel")]
    with open(out, "w") as text:
        json.dump(sorted(set(found[0] + found[1])), text)


def build(out, settings):
    os.makedirs(out, exist_ok=True)
    set_times(".")
    sdist = call("build_sdist", settings, out)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(os.path.join(out, sdist)) as archive:
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        (name,) = os.listdir(folder)
        unpacked = os.path.join(folder, name)
        set_times(unpacked)
        call("build_wheel", settings, out, cwd=unpacked)


def main(action, *arguments):
    os.umask(0o022)
    if action == "pip":
        pip(arguments)
    elif action == "hook":
        name, settings, result, *rest = arguments
        value = hook(name, json.loads(settings), *rest)
        with open(result, "w") as text:
            json.dump(value, text)
    else:
        {"requires": requires, "build": build}[action](arguments[0], json.loads(arguments[1]))


try:
    main(*sys.argv[1:])
except subprocess.CalledProcessError as failed:
    sys.exit(failed.returncode)  # the hook has printed the reason
