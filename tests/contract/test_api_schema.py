"""Every operation of the API, asked with whatever its description allows and with much that it does not.

No answer is a fault of ours, none has a status, a type or a body that the description does not name. An Admin asks;
what only attempts may do is asked with the key of one.
"""

from __future__ import annotations

from copy import deepcopy

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from support.household import House, open_house

from engram.security.limits import make_limits
from engram.server.app import api_routes, create_app
from engram.store.records import attempts
from engram.store.records.settings import put_setting

EXAMPLES, FEW = 10, 3
SLOW = frozenset({"sessions.sign_in", "users.change_password"})  # a password is hashed, which is slow on purpose
REAL: dict[str, object] = {"stage": "data", "index": 0, "attempt": 1}
KEYS: dict[str, str] = {}
# The pages are for people: no program asks for them by a description.
DESCRIBED = [str(route.operation_id) for route in api_routes() if not str(route.operation_id).startswith("pages.")]
checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house with something of every noun, and no limit on how often it is asked."""
    with open_house(tmp_path_factory.mktemp("house")) as one:
        fill(one)
        one.here.settings_changed()
        one.here.limits = make_limits({"*": "1000000/second"})
        yield one


def fill(house: House) -> None:
    """Put something of the Admin's behind every name that a path may hold."""
    digest, run, working = house.publish("root", "real"), house.begin("root"), house.begin("root")
    house.let_wait(run)
    made = house.ask("root", "POST", "/deployments?simulate=advisory", {"name": "real", "artifact": digest})
    assert made.status_code == 201, made.text
    text = house.ask("root", "GET", "/recipes/quickstart").json()["text"].replace("name: quickstart", "name: real")
    assert house.ask("root", "POST", "/recipes", {"text": text}).status_code == 201
    with house.here.db.write() as tx:
        put_setting(tx, "server.hosts", ["testserver"], actor=house.ids["root"])  # as schemathesis calls it
        attempts.start_attempt(tx, working, runner="local", seconds=60)
    prefix = "_".join(house.keys["bob"].split("_")[:2])
    REAL.update(run=run, digest=digest, name="real", prefix=prefix, a=run, b=run, working=working)
    KEYS.update(root=house.keys["root"], attempt=house.here.make_key(house.ids["root"], working, 1))


@pytest.fixture(scope="module")
def described(house):
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", house.client.app)


def ask_about(operation, examples: int = EXAMPLES) -> None:
    """Ask an operation with what fits its description and with what does not; every other time about what is there."""
    who = "attempt" if operation.definition.raw["operationId"].startswith("attempts.") else "root"
    real_ones = REAL | ({"run": REAL["working"]} if who == "attempt" else {})
    fits, not_so = (
        operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )

    @given(case=fits | not_so, real=st.booleans())
    @settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case, real):
        if real:
            for part in ("path_parameters", "query"):
                values = getattr(case, part) or {}
                setattr(case, part, {key: real_ones.get(key, value) for key, value in values.items()})
            if isinstance(case.body, dict) and "epoch" in case.body:
                case.body = {**case.body, "epoch": 1}
        case.call_and_validate(headers={"Authorization": f"Bearer {KEYS[who]}"}, checks=CHECKS)

    ask()


@pytest.mark.parametrize("name", DESCRIBED)
def test_an_operation_answers_as_it_is_described(described, name):
    ask_about(described.find_operation_by_id(name), FEW if name in SLOW else EXAMPLES)


@pytest.mark.parametrize(("name", "path", "status"), [("runs.read", "/api/v1/runs/{run}", "404")])
def test_a_status_that_is_not_described_is_found(house, name, path, status):
    app = create_app(house.here)
    described = deepcopy(app.openapi())
    del described["paths"][path]["get"]["responses"][status]
    app.openapi_schema = described
    operation = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app).find_operation_by_id(name)
    with pytest.raises(BaseException, match="Undocumented status code"):
        ask_about(operation)


def test_every_operation_of_the_api_is_described_with_its_problems(house):
    described = house.client.get("/api/v1/openapi.json").json()
    found = {operation["operationId"]: operation for path in described["paths"].values() for operation in path.values()}
    assert set(found) == set(DESCRIBED)
    for name, operation in found.items():
        for status in ("401", "413", "422", "429", "500", "503"):
            kind = "application/json" if name.startswith("openai.") else "application/problem+json"
            assert kind in operation["responses"][status]["content"], (name, status)
        assert operation["security"] in ([], [{"bearer": []}])
    assert found["runs.update"]["responses"].keys() >= {"200", "403", "404", "409", "412"}
    assert found["health.live"]["security"] == []


def test_no_operation_of_the_main_nouns_answers_with_something_that_has_no_model(house):
    described = house.client.get("/api/v1/openapi.json").json()
    for path, operations in described["paths"].items():
        if path.split("/")[3:4] and path.split("/")[3] in ("runs", "artifacts", "deployments", "ledger", "recipes"):
            for operation in operations.values():
                if operation["operationId"].startswith(("attempts.", "certificates.", "artifacts.download")):
                    continue
                for status in ("200", "201"):
                    content = operation["responses"].get(status, {}).get("content", {}).get("application/json")
                    assert content is None or "$ref" in content["schema"], (path, operation["operationId"])
