"""The second factor: codes by RFC 6238, each good once; a second page that tells nothing; recovery codes; tenants that want one."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from account_help import SECOND, SECRET, Time, account_of, alert, at, form, press, records, with_factor
from in_process import House, running_house
from oauth_app import PASSWORD, App, Browser, Page, make_account, own, people, sent_to

from server.account_pages.own_second_factor import QUIET_ZONE, qr_path
from server.accounts import attempts, totp
from server.accounts.second_factor import FACTORS, RECOVERY_CODES, factor_of
from server.accounts.sign_in import HALF_LASTS, REFUSED_WITH_CODE, Half, SignInRefusedError, complete, sign_in
from server.seal.tenant_entries import wanting_second_factor

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on  # the folder of another area


@pytest.fixture
def time(town_house: House, monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(town_house, monkeypatch)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, SHA-1; the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890"
    assert totp.code_at(secret, seconds // totp.STEP) == code


def test_a_code_is_good_one_step_early_or_late_and_never_after_a_later_one() -> None:
    now = 1_800_000_000
    step = now // totp.STEP
    for off in range(-3, 4):
        found = totp.matching_step(SECRET, totp.code_at(SECRET, step + off), now, 0)
        assert found == (step + off if abs(off) <= 1 else None)
    assert totp.matching_step(SECRET, totp.code_at(SECRET, step), now, step - 1) == step
    for wrong in (totp.code_at(SECRET, step), totp.code_at(SECRET, step - 1), "", "12345", "1234567", "١٢٣٤٥٦", "\ud800"):
        assert totp.matching_step(SECRET, wrong, now, step) is None


def test_the_picture_is_the_code_of_the_address() -> None:
    address = totp.address(SECRET, "dora+x@example.org")
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Assent:dora%2Bx%40example.org")
    assert parse_qs(parts.query) == {
        "secret": [SECRET], "issuer": ["Assent"], "algorithm": ["SHA1"], "digits": ["6"], "period": ["30"],
    }  # fmt: skip
    size, path = qr_path(address)
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path)}
    matrix = segno.make(address, micro=False, error="m").matrix
    assert size == len(matrix) + 2 * QUIET_ZONE
    assert dark == {(x + 4, y + 4) for y, row in enumerate(matrix) for x, module in enumerate(row) if module}
    for corner in ((4, 4), (size - 11, 4), (4, size - 11)):  # finder patterns
        assert all((corner[0] + step, corner[1]) in dark for step in range(7))
        assert (corner[0] + 1, corner[1] + 1) not in dark


async def code_page(house: House, name: str = "dora", password: str = PASSWORD) -> tuple[Browser, Page]:
    app, browser = App(house), Browser(house)
    page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    return browser, await browser.sign_in(page, name, password)


async def test_a_code_is_asked_for_and_is_good_once(town_house: House, time: Time) -> None:
    await with_factor(town_house, time)
    browser, page = await code_page(town_house)
    assert page.title == "Second factor - Assent"
    refused = await press(browser, page, "/oauth/second-step", code=time.code())
    assert (refused.answer.status_code, alert(refused)) == (400, REFUSED_WITH_CODE)  # it was used when the factor was added
    time.next_step()
    code = time.code()
    through = await press(browser, refused, "/oauth/second-step", code=f"{code[:3]} {code[3:]}")
    assert "Choose a patient" in through.title
    again, page = await code_page(town_house)
    assert alert(await press(again, page, "/oauth/second-step", code=code)) == REFUSED_WITH_CODE


async def test_of_one_code_at_the_same_moment_one_is_taken(town_house: House, time: Time) -> None:
    await with_factor(town_house, time)
    time.next_step()
    pages = [await code_page(town_house) for _ in range(4)]
    done = await asyncio.gather(*[press(b, page, "/oauth/second-step", code=time.code()) for b, page in pages])
    assert sorted("Choose a patient" in page.title for page in done) == [False, False, False, True]
    assert {alert(page) for page in done} == {"", REFUSED_WITH_CODE}


async def test_the_second_page_tells_nothing_of_the_first(town_house: House, time: Time) -> None:
    """Text, status and size of both pages are the same for right and wrong passwords, for accounts with and without, and for nobody."""
    await with_factor(town_house, time)
    await make_account(town_house, "plain", "staff")
    first, second = set(), set()
    for name, password in (
        ("dora", PASSWORD),
        ("dora", "wrong"),
        ("plain", "wrong"),
        ("nobody", "wrong"),
        ("nobody", PASSWORD),
    ):
        browser, page = await code_page(town_house, name, password)
        first.add((page.answer.status_code, re.sub(r'(value|href)="[^"]*"', "", page.text)))
        wrong = await press(browser, page, "/oauth/second-step", code="123456")
        second.add((wrong.answer.status_code, re.sub(r'(value|href)="[^"]*"', "", wrong.text)))
    assert len(first) == len(second) == 1


async def test_what_the_second_page_carries_tells_nothing_by_its_length(town_house: House, time: Time) -> None:
    """It is compressed before it is sealed: a text that is easy to compress would be shorter."""
    await with_factor(town_house, time)
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for _ in range(12):
        for right in (True, False):
            _, page = await code_page(town_house, "dora", PASSWORD if right else "wrong")
            sizes[right].append(len(page.forms[0].fields["flow"]))
            await attempts.forget(own(town_house), "dora")
    assert max(sizes[True]) >= min(sizes[False])
    assert max(sizes[False]) >= min(sizes[True])
    assert abs(sum(sizes[True]) - sum(sizes[False])) <= 12 * 4


async def test_who_has_none_signs_in_as_before(town_house: House, time: Time) -> None:
    await with_factor(town_house, time)
    await make_account(town_house, "plain", "staff")
    _, page = await code_page(town_house, "plain")
    assert "Choose a patient" in page.title


async def test_a_right_password_and_somebody_elses_page_are_worth_nothing(town_house: House, time: Time) -> None:
    await with_factor(town_house, time)
    time.next_step()
    half = await sign_in(own(town_house), "dora", "wrong")
    assert isinstance(half, Half)
    with pytest.raises(SignInRefusedError):
        await complete(own(town_house), half, time.code())
    _, page = await code_page(town_house)
    thief = Browser(town_house)
    stolen = await press(thief, page, "/oauth/second-step", code=time.code())
    assert "cookies" in stolen.text
    _, sign_in_page = thief, await thief.go(f"{town_house.root}/account")
    not_half = await thief.post(
        f"{town_house.root}/oauth/second-step", {**sign_in_page.forms[0].fields, "code": time.code()}
    )
    assert not_half.answer.status_code == 400
    assert "no longer good" in not_half.text


async def test_the_way_from_password_to_code_is_short_and_ends_with_the_password(town_house: House, time: Time) -> None:
    dora, _ = await with_factor(town_house, time)
    half = await sign_in(own(town_house), "dora", PASSWORD)
    assert isinstance(half, Half)
    time.ahead += HALF_LASTS + SECOND
    with pytest.raises(SignInRefusedError, match="too long"):
        await complete(own(town_house), half, time.code())
    half = await sign_in(own(town_house), "dora", PASSWORD)
    assert isinstance(half, Half)
    browser, page = await at(town_house, "/accounts")
    address = next(a for a in re.findall(r'href="([^"]*account=[^"]*)"', page.text) if dora.id in a)
    await press(browser, await browser.go(address), "/accounts/one", "sessions")
    with pytest.raises(SignInRefusedError):
        await complete(own(town_house), half, time.code())


async def test_codes_are_slowed_down_as_passwords_are(town_house: House, time: Time) -> None:
    await with_factor(town_house, time)
    browser, page = await code_page(town_house)
    for _ in range(attempts.FREE):
        page = await press(browser, page, "/oauth/second-step", code="000000")
        assert alert(page) == REFUSED_WITH_CODE
    time.next_step()  # thirty seconds later it may be tried once more, and then not
    page = await press(browser, page, "/oauth/second-step", code="000000")
    assert alert(page) == REFUSED_WITH_CODE
    page = await press(browser, page, "/oauth/second-step", code=time.code())
    assert "too many tries" in alert(page)
    assert isinstance(await sign_in(own(town_house), "dora", PASSWORD), Half)  # passwords are counted apart
    time.next_step(3)
    page = await press(browser, page, "/oauth/second-step", code=time.code())
    assert "Choose a patient" in page.title
    assert not await attempts.slowed_down(own(town_house), "dora")


@pytest.mark.parametrize("engine", ENGINES)
async def test_somebody_adds_one_uses_a_recovery_code_and_turns_it_off(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_on(engine, tmp_path / "data") as house:
        await people(house)
        time = Time(house, monkeypatch)
        browser, page = await at(house, "/account/second-factor", "dora", "doctor")
        secret = re.search(r'class="key">([A-Z2-7 ]+)<', page.text)
        assert secret is not None
        key = secret[1].replace(" ", "")
        add = "/account/second-factor"
        wrong = await press(browser, page, add, "add", code="000000", password=PASSWORD)
        assert "not right" in alert(wrong)
        assert key in wrong.text.replace(" ", "")  # the person's app has it already
        wrong = await press(browser, wrong, add, "add", code=time.code(key), password="wrong")
        assert alert(wrong) == "The password is not right."
        assert await factor_of(own(house), (await make_account(house)).id) is None
        shown = await press(browser, wrong, add, "add", code=time.code(key), password=PASSWORD)
        codes = re.findall(r"<li>([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})</li>", shown.text)
        assert len(set(codes)) == RECOVERY_CODES
        kept = await factor_of(own(house), (await make_account(house)).id)
        assert kept is not None
        assert not set(codes) & set(kept.value.recovery)
        assert not any(code.replace("-", "") in str(kept.value.recovery) for code in codes)
        second = Browser(house)
        page = await second.sign_in(await second.go(f"{house.root}/account"), "dora")
        page = await press(second, page, "/oauth/second-step", code=codes[3].upper().replace("-", " "))
        assert page.title == "Your account - Assent"
        third = Browser(house)
        page = await third.sign_in(await third.go(f"{house.root}/account"), "dora")
        assert alert(await press(third, page, "/oauth/second-step", code=codes[3])) == REFUSED_WITH_CODE
        page = await second.go(f"{house.root}{add}")
        assert "9 recovery codes left" in page.text
        others = await press(second, page, add, "codes", password=PASSWORD)
        new = re.findall(r"<li>([a-z0-9-]{14})</li>", others.text)
        assert len(new) == RECOVERY_CODES
        assert not set(new) & set(codes)
        page = await second.go(f"{house.root}{add}")
        assert "not right" in alert(await press(second, page, add, "off", password=PASSWORD, code=codes[5]))
        assert "not right" in alert(await press(second, page, add, "off", password="wrong", code=new[0]))
        assert "The second factor is off" in (await press(second, page, add, "off", password=PASSWORD, code=new[0])).text
        assert [found async for found in FACTORS.all(own(house))] == []


async def test_a_tenant_wants_one_of_its_administrators(town_house: House, time: Time) -> None:
    """What an app asked goes on afterwards, and nothing else works before."""
    await town_house.services.keyring.change(wanting_second_factor("default", "administrators"))
    await make_account(town_house, "root", "administrator")
    _, page = await code_page(town_house)
    assert "Choose a patient" in page.title  # a doctor
    browser, page = await code_page(town_house, "root")
    assert page.title == "Add a second factor - Assent"
    for path in ("/account", "/accounts", "/accounts/invite"):
        assert (await browser.go(f"{town_house.root}{path}")).title == "Add a second factor - Assent"
    app = App(town_house)
    silent = await browser.go(f"{app.issuer}/oauth/authorize", **app.request(prompt="none"))
    assert sent_to(silent)["error"] == "interaction_required"
    key = re.search(r'class="key">([A-Z2-7 ]+)<', page.text)
    assert key is not None
    shown = await press(
        browser, page, "/account/second-factor", "add", code=time.code(key[1].replace(" ", "")), password=PASSWORD
    )
    on = re.search(r'class="main" href="([^"]*)"', shown.text)
    assert on is not None
    page = await browser.go(on[1])
    assert "Choose a patient" in page.title
    page = await browser.allow(await browser.choose(page, "p1"))
    assert "code" in sent_to(page)


async def test_no_patient_is_shown_before_a_wanted_second_factor(town_house: House) -> None:
    await town_house.services.keyring.change(wanting_second_factor("default", "everybody"))
    app, browser = App(town_house), Browser(town_house)
    sign_in_page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
    await browser.sign_in(sign_in_page)
    for path, fields in (
        ("patient", {"do": "search", "name": "a"}),
        ("patient", {"patient": "p1"}),
        ("consent", {"do": "allow"}),
    ):
        page = await browser.post(f"{town_house.root}/oauth/{path}", {**sign_in_page.forms[0].fields, **fields})
        assert page.title == "Add a second factor - Assent"
        assert "Alder" not in page.text


async def test_the_setting_holds_where_a_tenant_says_nothing(tmp_path: Path) -> None:
    async with running_house(tmp_path / "data", ASSENT_SECOND_FACTOR="everybody") as house:
        await people(house)
        _, page = await at(house, "/account", "dora", "doctor")
        assert page.title == "Add a second factor - Assent"
        await house.services.keyring.change(wanting_second_factor("default", "optional"))
        _, page = await at(house, "/account", "dora", "doctor")
        assert page.title == "Your account - Assent"


async def test_an_administrator_takes_it_off_and_the_trail_says_so(town_house: House, time: Time) -> None:
    dora, _ = await with_factor(town_house, time)
    time.next_step()
    theirs, page = await code_page(town_house)
    await press(theirs, page, "/oauth/second-step", code=time.code())
    browser, _ = await at(town_house, "/account")
    page = await browser.go(f"{town_house.root}/accounts/one", account=dora.id)
    page = await press(browser, page, "/accounts/one", "factor")
    assert "second factor is taken off" in page.text
    assert "Sign in" in (await theirs.go(f"{town_house.root}/account")).title
    _, page = await code_page(town_house)
    assert "Choose a patient" in page.title
    (reset,) = [record for record in await records(town_house) if record.interaction == "$user-second-factor-reset"]
    assert (reset.query, reset.status) == ("name=dora", 200)
    assert reset.subject == (await make_account(town_house, "root")).id
    assert (await account_of(town_house, dora.id)).active
    assert form(await browser.go(f"{town_house.root}/accounts/one", account=dora.id), "/accounts/one", "save")


async def test_the_secret_is_nowhere_in_the_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_house(tmp_path / "data") as house:
        await people(house)
        _, codes = await with_factor(house, Time(house, monkeypatch))
        log = b"".join(house.log)
        trail = repr(await records(house))
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())
    for secret in (SECRET, *codes, *(code.replace("-", "") for code in codes)):
        assert secret.encode() not in stored + log
        assert secret not in trail
