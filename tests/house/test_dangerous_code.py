"""No pickle, no code from text, no dotted paths from YAML, no remote code; and the library never prints."""

from __future__ import annotations

import ast

import pytest
from house.tree import LAUNCHER, ROOT, SOURCE, parse, python_files, shown, sources

FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "torchvision",
    "torchaudio",
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "os.system", "os.popen"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader"}


def name_of(node):
    """Return the dotted name of an expression, as `torch.load`, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{name_of(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def keyword(call, name):
    return next((word.value for word in call.keywords if word.arg == name), None)


def is_true(node):
    return isinstance(node, ast.Constant) and node.value is True


def imported(node):
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return names + ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])


def call_problem(call, safe_loaders):
    """Return what is dangerous about a call, or an empty string."""
    name = name_of(call.func)
    if name in FORBIDDEN_CALLS:
        return f"{name}() runs code from text or a shell"
    if name == "torch.load" and not is_true(keyword(call, "weights_only")):
        return "torch.load without weights_only=True can run code"
    if name in ("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"):
        loader = keyword(call, "Loader") or (call.args[1] if len(call.args) > 1 else None)
        if name_of(loader).split(".")[-1] not in safe_loaders:
            return f"{name} needs a safe loader"
    if name.endswith(("np.load", "numpy.load")) and is_true(keyword(call, "allow_pickle")):
        return "numpy.load with allow_pickle can run code"
    if keyword(call, "shell") is not None:
        return "no shell: give a list of arguments"
    remote = keyword(call, "trust_remote_code")
    if remote is not None and not (isinstance(remote, ast.Constant) and remote.value is False):
        return "trust_remote_code runs code that nobody here has read"
    return ""


def safe_loaders_of(tree):
    """Return the names of loaders that are safe: PyYAML's own and classes derived from them in this file."""
    found = set(SAFE_LOADERS)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(name_of(base).split(".")[-1] in found for base in node.bases):
            found.add(node.name)
    return found


def dangers(path, *, may_print):
    """Return the dangerous lines of a file, in words."""
    tree = parse(path)
    safe = safe_loaders_of(tree)
    for node in ast.walk(tree):
        where = f"{shown(path)}:{getattr(node, 'lineno', 0)}"
        for module in imported(node) if isinstance(node, ast.Import | ast.ImportFrom) else []:
            if module.split(".")[0] in FORBIDDEN_MODULES:
                yield f"{where} imports {module}"
        if isinstance(node, ast.Call) and (said := call_problem(node, safe)):
            yield f"{where} {said}"
        if isinstance(node, ast.Call) and name_of(node.func) == "print" and not may_print:
            yield f"{where} print(): only the command line prints"
        if isinstance(node, ast.Assert):
            yield f"{where} assert: it vanishes under python -O; raise an error with a remedy"


def test_the_package_is_free_of_dangerous_code():
    found = [said for path in sources() for said in dangers(path, may_print=path.is_relative_to(SOURCE / "cli"))]
    found += [said for path in LAUNCHER for said in dangers(path, may_print=path.name == "run_all.py")]
    assert found == []


@pytest.mark.parametrize("room", ["samples", "recipes"])
def test_data_rooms_hold_no_code(room):
    assert [said for path in python_files(SOURCE / room) for said in code_in_data(path)] == []
    assert (SOURCE / room).is_dir()


def code_in_data(path):
    """Return what is code in a room of data: anything but the docstring of an __init__.py."""
    rest = [node for node in parse(path).body if not isinstance(getattr(node, "value", None), ast.Constant)]
    if path.name != "__init__.py" or rest:
        yield f"{shown(path)}: this room is data"


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from torchvision import io",
        "eval('1')",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.FullLoader)",
        "model.from_pretrained(name, trust_remote_code=True)",
        "model.from_pretrained(name, trust_remote_code=given)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
        "print('hello')",
        "assert x",
    ],
)
def test_a_dangerous_line_is_found(tmp_path, line):
    (tmp_path / "x.py").write_text(f"{line}\n")
    assert len(list(dangers(tmp_path / "x.py", may_print=False))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(path, weights_only=True)",
        "yaml.load(text, Loader=yaml.CSafeLoader)",
        "class Lines(yaml.SafeLoader): pass\nyaml.load(text, Loader=Lines)",
        "model.from_pretrained(name, trust_remote_code=False)",
        "model.eval()",
        "re.compile('x')",
    ],
)
def test_a_safe_line_passes(tmp_path, line):
    (tmp_path / "x.py").write_text(f"{line}\n")
    assert list(dangers(tmp_path / "x.py", may_print=False)) == []


def test_code_among_data_is_found(tmp_path):
    (tmp_path / "__init__.py").write_text('"""Samples."""\n')
    assert list(code_in_data(tmp_path / "__init__.py")) == []
    (tmp_path / "__init__.py").write_text('"""Samples."""\nimport csv\n')
    (tmp_path / "make.py").write_text('"""Samples."""\n')
    assert [len(list(code_in_data(tmp_path / name))) for name in ("__init__.py", "make.py")] == [1, 1]


def test_the_tests_themselves_load_nothing_dangerous():
    hidden = {ROOT / "tests" / "house" / "test_dangerous_code.py"}
    found = [path for path in python_files(ROOT / "tests") if path not in hidden]
    bad = [said for path in found for said in dangers(path, may_print=True) if "imports torch" in said]
    assert bad == []
