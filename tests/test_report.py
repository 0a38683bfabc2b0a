"""What a class handed in, as a CSV: from files of every kind and name, and nothing is lost without a word."""

import csv
import io
import json
import unicodedata
import zipfile
from pathlib import Path

import pytest

from tlkit import cli
from tlkit.exercises import progress
from tlkit.exercises.overview import show_progress

ANNA = {"done": {"00.1": "2026-10-05T09:00:00+00:00", "00.quiz": "2026-10-06T10:30:00+02:00"}}
BINH = {"student": "Nguyễn Văn Bình", "done": {"03.1": "2026-10-07T00:00:00+00:00"}}
OLD = ["00.1", "00.2", "03.quiz"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLKIT_PROGRESS", str(tmp_path / "own" / "done.json"))
    (tmp_path / "in").mkdir()
    return tmp_path


def hand_in(name, content):
    path = here_is(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def here_is(name):
    path = Path("in", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def report(capsys, *arguments, code=0):
    """Run the command: the rows of the CSV by student, and what was said."""
    assert cli.main(["progress", "--report", *(arguments or ["in"])]) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    if code:
        return told.err
    with open("report.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["student"]: row for row in rows}, told.out


def test_a_row_for_each_student_and_a_column_for_each_exercise_and_quiz(here, capsys):
    hand_in("Anna.json", ANNA)
    hand_in("whatever.json", BINH)
    hand_in("Old Otto.json", OLD)
    rows, told = report(capsys)
    assert list(rows) == ["Anna", "Nguyễn Văn Bình", "Old Otto"] and told == "report.csv: 3 students\n"
    names = show_progress().names
    assert len(names) > 40 and all(list(row)[7:] == names for row in rows.values())
    anna, otto = rows["Anna"], rows["Old Otto"]
    assert [name for name in names if anna[name] == "1"] == ["00.1", "00.quiz"]
    assert {anna[name] for name in names} == {"0", "1"}
    assert (anna["done"], anna["of"], anna["percent"]) == ("2", str(len(names)), f"{round(200 / len(names), 1)}")
    assert (anna["first (UTC)"], anna["last (UTC)"]) == ("2026-10-05 09:00", "2026-10-06 08:30")
    assert (otto["done"], otto["03.quiz"], otto["first (UTC)"]) == ("3", "1", ""), "an older file has no times"
    raw = (here / "report.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and "Nguyễn Văn Bình".encode() in raw
    assert not list(here.glob("*.part"))


@pytest.mark.parametrize(
    "name",
    ["Nguyễn Thị Ánh", "Müller, Anna", 'Anna "die" Schmidt', "O'Neil", "李小龙", "Анна", "a;b", "x" * 180],
)
def test_names_from_anywhere_come_through(capsys, name):
    hand_in("1.json", BINH | {"student": name})
    rows, _ = report(capsys)
    assert list(rows) == [name]


def test_one_spelling_one_line_and_no_letter_that_cannot_be_written(capsys):
    apart = unicodedata.normalize("NFD", "Bình")  # as macOS writes it
    hand_in("1.json", BINH | {"student": f" {apart}\nNguyễn\r\t\x1b[2J\u200b "})
    hand_in("2.json", '{"student": "\\ud800x", "done": {}}')
    rows, _ = report(capsys)
    assert list(rows) == ["?x", "Bình Nguyễn [2J"]
    assert rows["?x"]["done"] == "0", "who has done nothing yet has a row"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\n@", "＝", " \u200b="])
def test_nothing_is_computed_by_a_spreadsheet(capsys, begin):
    formula = begin + 'HYPERLINK("http://x.example","Anna")'
    hand_in("1.json", BINH | {"student": formula})
    hand_in("=cmd|'calc'!A0.json", ANNA)
    report(capsys, *map(str, sorted(Path().glob("in/*"))))
    text = Path("report.csv").read_text(encoding="utf-8-sig")
    for row in csv.reader(io.StringIO(text)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) for cell in row)
    assert "\"'=cmd|'calc'!A0\"" in text, "in quotes, so that no other separator parts it"


def test_what_is_no_progress_file_is_named_with_a_reason(capsys):
    hand_in("Anna.json", ANNA)
    bad = {
        "a.json": ("", "is empty"),
        "b.json": (" \n", "is empty"),
        "c.json": (json.dumps(ANNA)[:30], "is damaged"),
        "d.json": ("[" * 100_000, "is damaged"),
        "e.txt": ("I did all of it", "is no progress file"),
        "f.json": ('{"name": "left-pad"}', "is no progress file, but something else in JSON"),
        "g.json": ('{"done": {"dishes": "yes"}}', "is no progress file, but something else in JSON"),
        "h.json": ("17", "is no progress file, but something else in JSON"),
        "i.json": ("[" + '"00.1",' * 200_000 + '"00.1"]', "is too large for a progress file"),
        "j.zip": ("PK no zip", "is damaged, or is no zip"),
    }
    for name, (content, _) in bad.items():
        hand_in(name, content)
    here_is("k.json").write_bytes(b"\x89PNG\xff\xfe\x00")
    hand_in(".DS_Store", "x")
    hand_in("__MACOSX/._Anna.json", "x")
    rows, told = report(capsys)
    assert list(rows) == ["Anna"] and "DS_Store" not in told and "MACOSX" not in told
    for name, (_, reason) in bad.items():
        assert f"  {here_is(name)} {reason}\n" in told
    assert f"{here_is('k.json')} is no progress file" in told


@pytest.mark.parametrize("when", ["yesterday", None, 5, "0001-01-01T00:00:00+14:00", "2026-10-05T09:00:00"])
def test_a_time_that_is_none_costs_nobody_an_exercise(capsys, when):
    hand_in("Anna.json", {"done": {"00.1": when, "00.2": "2026-10-06T09:00:00+00:00", "99.1": when}})
    rows, told = report(capsys)
    assert rows["Anna"]["done"] == "2" and rows["Anna"]["last (UTC)"] == "2026-10-06 09:00"
    assert "names what this course has not, and it is not counted: 99.1" in told


def test_two_files_of_one_student_are_one_row_and_both_are_named(capsys):
    hand_in("laptop/Anna.json", ANNA)
    hand_in("lab/anna.json", {"done": {"00.1": "2026-10-01T08:00:00+00:00", "03.1": "2026-10-02T08:00:00+00:00"}})
    hand_in("again/Anna.json", ANNA)
    rows, told = report(capsys)
    (row,) = rows.values()
    assert row["done"] == "3" and row["first (UTC)"] == "2026-10-01 08:00"
    assert "lab" in row["file"] and "are taken together, as of Anna; are they of one person?" in told
    assert f"{here_is('laptop/Anna.json')} holds the same as {here_is('again/Anna.json')}" in told


def _zip(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content if isinstance(content, str) else json.dumps(content))


def test_a_zip_as_moodle_or_canvas_hands_it_out(here, capsys):
    _zip(
        here / "moodle.zip",
        {
            "Trần Ánh_48123_assignsubmission_file_/done.json": ANNA,
            "Bo Chen_48124_assignsubmission_file_done (1).json": BINH | {"student": "somebody else"},
            "Bo Chen_48124_assignsubmission_file_notes.html": "<p>",
        },
    )
    _zip(here / "canvas.zip", {"doecarla_LATE_9912_77123_done-1.json": OLD, "roedan_9913_77124_done.json": OLD})
    rows, told = report(capsys, "moodle.zip", "canvas.zip")
    assert list(rows) == ["Bo Chen", "doecarla", "roedan", "Trần Ánh"]
    assert "notes.html is no progress file" in told and rows["Trần Ánh"]["done"] == "2"


def test_a_zip_writes_nothing_and_its_bad_members_are_named(here, capsys):
    inner = io.BytesIO()
    _zip(inner, {"done.json": ANNA})
    outside = {"../evil.json": ANNA, "/tmp/evil.json": ANNA, "..\\evil.json": ANNA, "C:\\evil.json": ANNA}
    _zip(here / "in" / "Anna.zip", outside | {"done.json": ANNA, "__MACOSX/x": "", "large": "0" * (2**20 + 1)})
    with zipfile.ZipFile(here / "in" / "Anna.zip", "a") as file:
        file.writestr("inner.zip", inner.getvalue())
        file.writestr("cut.json", json.dumps(ANNA))
    whole = (here / "in" / "Anna.zip").read_bytes()
    at = whole.rindex(json.dumps(ANNA).encode())
    (here / "in" / "Anna.zip").write_bytes(whole[:at] + b"X" + whole[at + 1 :])
    before = sorted(here.rglob("*"))
    rows, told = report(capsys)
    assert list(rows) == ["Anna"], "done.json says nothing, so the zip does"
    assert told.count("has a path that leads out of its zip") == 4
    assert "inner.zip is a zip within a zip" in told and "large is too large" in told and "cut.json is damaged" in told
    assert sorted(here.rglob("*")) == sorted([*before, here / "report.csv"])


def test_copies_that_a_browser_numbered_stay_apart(capsys):
    for name in ("done (1).json", "done (2).json", "Anna/done.json", "done.json"):
        hand_in(name, OLD)
    rows, _ = report(capsys)
    assert list(rows) == ["Anna", "done", "done (1)", "done (2)"], "nobody knows whose these are"


def test_homes_of_a_hub_say_whose_they_are(here, capsys):
    for student in ("mai", "tom"):
        hand_in(f"{student}/.local/share/tlkit/done.json", ANNA)
    rows, _ = report(capsys, *map(str, here.glob("in/*/.local/share/tlkit/done.json")))
    assert list(rows) == ["mai", "tom"]


def test_nothing_of_others_is_replaced_unless_it_is_told(here, capsys):
    hand_in("Anna.json", ANNA)
    report(capsys)
    hand_in("Bo.json", OLD)
    rows, _ = report(capsys)
    assert list(rows) == ["Anna", "Bo"], "its own report is made anew"
    lines = (here / "report.csv").read_text(encoding="utf-8-sig").splitlines()
    for mine in ("name,grade\nAnna,1\n", "\n".join([lines[0] + ',"grade"', *(line + ',"A"' for line in lines[1:])])):
        (here / "report.csv").write_text(mine, encoding="utf-8")
        assert "report.csv is there already, and is no report of this command" in report(capsys, code=1)
        assert (here / "report.csv").read_text(encoding="utf-8") == mine
    assert cli.main(["progress", "--report", "in", "--force"]) == 0
    assert "no such folder" in report(capsys, "in", "--out", "nowhere/report.csv", code=1)
    assert "There is no file or folder out" in report(capsys, "out", code=1)


@pytest.mark.parametrize("name", ["in/Anna.json", "class.zip"])
def test_what_was_handed_in_is_never_replaced(here, capsys, name):
    hand_in("Anna.json", ANNA)
    _zip(here / "class.zip", {"Anna.json": ANNA})
    before = Path(name).read_bytes()
    assert "is one of the files to report on" in report(capsys, name, "--out", name, "--force", code=1)
    assert Path(name).read_bytes() == before


def test_names_that_a_terminal_has_not_cost_no_report(here, monkeypatch):
    hand_in("Bình.json", BINH)
    hand_in("Bình.txt", "")
    said = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(said, encoding="ascii", write_through=True))
    assert cli.main(["progress", "--report", "in"]) == 0
    assert b"report.csv: 1 student\n" in said.getvalue() and b"B?nh.txt is empty" in said.getvalue()


def test_without_a_progress_file_nothing_is_written(here, capsys):
    hand_in("a.json", "")
    assert f"No progress file was found, so nothing is written.\n  {here_is('a.json')} is empty" in report(
        capsys, code=1
    )
    assert not (here / "report.csv").exists()


def test_a_report_beside_the_hand_ins_is_not_taken_for_one(here, capsys, monkeypatch):
    hand_in("Anna.json", ANNA)
    monkeypatch.chdir(here / "in")
    for _ in range(2):
        rows, told = report(capsys, ".")
        assert list(rows) == ["Anna"] and told == "report.csv: 1 student\n"


def test_a_student_exports_what_was_noted_and_when(here, capsys):
    progress.note("00.1")
    assert cli.main(["progress"]) == 0
    assert 'To hand it in: tlkit.show_progress().export("Your Name.json")' in capsys.readouterr().out
    assert cli.main(["progress", "--export", "in/Đặng Mai.json"]) == 0
    assert "Đặng Mai.json" in capsys.readouterr().out
    here_is("Đặng Mai.json").rename(here_is("renamed by somebody.json"))
    rows, _ = report(capsys)
    noted = progress.record().done["00.1"]
    assert rows["Đặng Mai"]["00.1"] == "1" and rows["Đặng Mai"]["last (UTC)"] == f"{noted:%Y-%m-%d %H:%M}"
    progress.note("00.1")
    assert progress.record().done["00.1"].isoformat(timespec="seconds") == noted.isoformat(timespec="seconds")
    hand_in("thesis.json", '{"chapters": 5}')
    assert cli.main(["progress", "--export", "in/thesis.json"]) == 1
    assert "is there already and is no progress file" in capsys.readouterr().err


def test_an_older_file_of_ones_own_goes_on(here):
    (here / "own").mkdir()
    progress.progress_file().write_text(json.dumps(OLD))
    progress.note("00.3")
    record = progress.record()
    assert set(record.done) == {*OLD, "00.3"} and record.done["00.1"] is None and record.done["00.3"]
