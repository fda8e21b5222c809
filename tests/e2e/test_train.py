"""One recipe becomes one judged, signed, usable model: what a person sees, reads and can do afterwards."""

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from shutil import copytree


def test_a_person_reads_baseline_tuned_difference_verdicts_artifact_and_report(trained):
    said = trained.environment["ENGRAM_TEST_SAID"]
    for words in ("linear probe", "tuned", "difference", "95 % interval", "advance", "Artifact", "sha256:", "Report"):
        assert words in said
    assert "\x1b[" not in said  # not a terminal: no colours


def test_the_artifact_verifies_with_the_public_key_and_nothing_else(trained, tmp_path):
    artifact, key = trained.artifacts()[0], trained.home / "keys" / "ledger.pub"
    done = trained.engram(
        "verify", str(artifact), "--key", str(key), environment={"ENGRAM_HOME": str(tmp_path / "nobody")}
    )
    assert done.returncode == 0
    assert done.stdout.strip().endswith("VERIFIED")
    assert not (tmp_path / "nobody").exists()


def test_the_certificate_states_what_a_reader_needs(trained):
    from base64 import b64decode

    certificate = json.loads((trained.artifacts()[0] / "certificate.json").read_text())
    stated = json.loads(b64decode(certificate["dsse"]["payload"]))["predicate"]
    assert stated["run"] == trained.last_run().name
    assert stated["judged_by"] == "home"
    assert stated["data"]["times_scored"] == 1
    assert stated["verdicts"]["evaluate"]["decision"] == "advance"
    assert stated["simulate"] == "in-process, advisory"
    assert 0 < stated["metrics"]["accuracy"] <= 1
    assert stated["environment"]["torch"].startswith("2.13.0")


def test_the_ledger_tells_the_story_in_its_order(trained):
    entries = trained.json("ledger", "log")
    types = [entry["type"] for entry in entries]
    assert types[0] == "home.created"
    assert types.index("run.declared") < types.index("artifact.certified")
    judged = [entry["body"]["stage"] for entry in entries if entry["type"] == "run.judged"]
    assert judged == ["data", "train", "evaluate", "export", "simulate"]


def test_it_answers(trained):
    answers = trained.json("predict", "last", "parcel late courier", "card refund invoice")
    assert [answer["label"] for answer in answers] == ["delivery", "payment"]
    assert abs(sum(answers[0]["probabilities"].values()) - 1) < 1e-4


def test_it_answers_lines_of_standard_input(trained):
    from support.home import command

    done = subprocess.run(
        command("predict", "last"), input="parcel late\n", env=trained.env(), capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "parcel late" in done.stdout


def test_the_report_is_one_file_that_stands_alone(trained):
    class Links(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            self.found += [value for name, value in attrs if name in ("src", "href") and value]

    text = (trained.last_run() / "report.html").read_text()
    parser = Links()
    parser.feed(text)
    assert all(link.startswith(("#", "data:")) for link in parser.found)
    assert trained.record()["artifact"] in text


def test_the_merged_export_needs_no_engram(trained):
    script = f"""
import sys
from transformers import pipeline
answer = pipeline("text-classification", {str(trained.artifacts()[0] / "merged")!r})("parcel late courier")
assert "engram" not in sys.modules
print(answer[0]["label"])
"""
    done = subprocess.run([sys.executable, "-c", script], env=trained.env(), capture_output=True, text=True)
    assert done.stdout.strip() == "delivery", done.stderr


def test_the_adapter_opens_with_peft_alone_and_answers_the_same(trained):
    texts = ["parcel late courier", "card refund invoice", "thanks lovely kind", "the box was lost today"]
    ours = [answer["probabilities"] for answer in trained.json("predict", "last", *texts)]
    script = f"""
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer
folder = {str(trained.artifacts()[0])!r}
labels = json.load(open(folder + "/labels.json"))
base = AutoModelForSequenceClassification.from_pretrained({str(trained.folder / "encoder")!r}, num_labels=len(labels))
model = PeftModel.from_pretrained(base, folder + "/adapter").eval()
tokenizer = AutoTokenizer.from_pretrained(folder + "/adapter")
batch = tokenizer({texts!r}, padding=True, return_tensors="pt")
chances = model(**{{k: batch[k] for k in ("input_ids", "attention_mask")}}).logits.softmax(-1)
assert "engram" not in sys.modules
print(json.dumps([dict(zip(labels, row.tolist())) for row in chances]))
"""
    done = subprocess.run([sys.executable, "-c", script], env=trained.env(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for mine, theirs in zip(ours, json.loads(done.stdout.splitlines()[-1]), strict=True):
        assert all(abs(mine[label] - theirs[label]) < 1e-4 for label in theirs)


def test_runs_are_listed_shown_and_compared(trained):
    listed = trained.json("runs", "list")
    assert [one["state"] for one in listed] == ["published"]
    assert trained.json("runs", "show")["id"] == listed[0]["id"]
    assert trained.json("runs", "compare", listed[0]["id"], "last")["recipes"] == {}
    assert trained.json("report")["verdicts"]["evaluate"]["decision"] == "advance"


def test_a_published_run_is_final(trained):
    done = trained.engram("train", "--resume", "last")
    assert done.returncode == 1
    assert "published" in done.stderr


def test_it_can_be_derived_again_bit_for_bit(trained):
    found = trained.json("reproduce", "last")
    assert found["answer"] == "identical"
    assert found["agreement"] == 1.0
    assert {"adapter/adapter_model.safetensors", "merged/model.safetensors"} <= set(found["files"])


def test_nothing_in_the_artifact_names_a_folder_of_this_machine(trained):
    home = str(trained.home).encode()
    for path in trained.artifacts()[0].rglob("*"):
        if path.is_file():
            assert home not in path.read_bytes(), path


def test_a_dataset_that_was_added_by_name_gives_the_same_rows_as_its_file(trained, tmp_path):
    home = replace(trained, folder=copytree(trained.folder, tmp_path / "copy"))
    made = home.json("data", "add", "tickets.csv", "--name", "tickets", "--license", "cc0")
    (home.folder / "tickets.csv").unlink()
    before = json.loads((trained.last_run() / "data.json").read_text())["split"]
    sets = ["--set", "data.sources=[{dataset: tickets}]"]
    assert home.json("train", "toy.yaml", "--baseline-only", *sets)["state"] == "paused"
    assert json.loads((home.last_run() / "data.json").read_text())["split"] == before
    (source,) = json.loads((home.last_run() / "recipe.json").read_text())["data"]["sources"]
    assert (source["dataset"], source["license"]) == (made["digest"], "cc0")
