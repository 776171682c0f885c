"""The reader of `.http` files reads what editors read, and its expectations can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_file import Answer, body_of, read_http_file, replace_variables, unmet

FILE = """
@host = http://127.0.0.1:8080
@base = {{host}}/fhir

### Read a patient
# A comment that means nothing.
# @name read
# expect 200
# expect /name/*/family = Villanueva
# expect header ETag ~ W/
GET {{base}}/Patient/p01 HTTP/1.1
Authorization: Bearer {{token}}

### Search
// expect 400
GET {{base}}/Patient
    ?name=a
    &_count=2
Accept: application/fhir+json

### Write
POST {{base}}/Basic
Content-Type: application/json

{"id": "{{read.response.body.$.name[0].family}}",

 "etag": "{{read.response.headers.ETag}}"}
"""
ANSWER = Answer(200, {"etag": 'W/"1"'}, '{"name": [{"family": "Tran"}, {"family": "Villanueva"}], "active": true}')


def test_requests_are_read_in_order_with_their_parts() -> None:
    variables, (read, search, write) = read_http_file(FILE)
    assert variables == {"host": "http://127.0.0.1:8080", "base": "{{host}}/fhir"}
    assert (read.title, read.name, read.method, read.status, read.line) == ("Read a patient", "read", "GET", 200, 11)
    assert read.headers == {"Authorization": "Bearer {{token}}"}
    assert read.body is None
    assert (search.url, search.status) == ("{{base}}/Patient?name=a&_count=2", 400)
    assert search.headers == {"Accept": "application/fhir+json"}
    assert write.body is not None
    assert write.body.count("\n") == 2


def test_variables_reach_into_earlier_answers() -> None:
    variables, (_, _, write) = read_http_file(FILE)
    assert replace_variables(write.url, variables, {}) == "http://127.0.0.1:8080/fhir/Basic"
    body = body_of(write, Path(), lambda text: replace_variables(text, variables, {"read": ANSWER}))
    assert body == '{"id": "Tran",\n\n "etag": "W/"1""}'


def test_a_variable_that_nothing_stands_behind_is_an_error() -> None:
    with pytest.raises(KeyError):
        replace_variables("{{nobody}}", {}, {})
    with pytest.raises(KeyError):
        replace_variables("{{read.response.body.$.id}}", {}, {"read": ANSWER})


def test_a_body_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"id": "{{id}}"}')
    _, (plain, filled) = read_http_file("POST /a\n\n< ./body.json\n###\nPOST /a\n\n<@ ./body.json\n")
    assert body_of(plain, tmp_path, str.upper) == '{"id": "{{id}}"}'
    assert body_of(filled, tmp_path, str.upper) == '{"ID": "{{ID}}"}'


def test_met_expectations_say_nothing() -> None:
    _, (read, _, _) = read_http_file(FILE)
    assert unmet(read, ANSWER) == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, ANSWER.headers, ANSWER.text),
        Answer(200, {}, ANSWER.text),
        Answer(200, {"etag": "3"}, ANSWER.text),
        Answer(200, ANSWER.headers, '{"name": [{"family": "Tran"}]}'),
        Answer(200, ANSWER.headers, '{"name": "Villanueva"}'),
        Answer(200, ANSWER.headers, "not JSON"),
    ],
)
def test_each_unmet_expectation_is_named(answer: Answer) -> None:
    _, (read, _, _) = read_http_file(FILE)
    assert len(unmet(read, answer)) == 1


def test_values_that_are_not_text_are_compared_as_json() -> None:
    _, (request,) = read_http_file("# expect /active = true\nGET /x\n")
    assert unmet(request, ANSWER) == []


def test_decimals_are_compared_digit_by_digit() -> None:
    _, (request,) = read_http_file("# expect /value = 1.50\nGET /x\n")
    assert unmet(request, Answer(200, {}, '{"value": 1.50}')) == []
    assert unmet(request, Answer(200, {}, '{"value": 1.5}')) != []


@pytest.mark.parametrize("text", ["# expect something else\nGET /x\n", "FETCH /x\n", "GET /x\nno colon here\n"])
def test_what_cannot_be_read_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_http_file(text)
