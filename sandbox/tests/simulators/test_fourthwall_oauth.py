"""Fourthwall's token endpoint gives a platform app access tokens for five minutes."""

from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges.playing import Reply, send

FIRST = "demo-refresh"
ACCOUNT = {"clientId": "demo-client", "clientSecret": "demo-secret", "refreshToken": FIRST}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Endpoint:
    def __init__(self, base: str, control: ControlClient) -> None:
        self.base = base
        self.control = control
        self.put()

    def put(self, **changes: object) -> None:
        self.control.put_account("fourthwall", "demo", **ACCOUNT | changes)

    def refresh(self, refresh_token: str = FIRST, **changes: str) -> Reply:
        fields = {"client_id": "demo-client", "client_secret": "demo-secret", "refresh_token": refresh_token}
        body = urlencode({"grant_type": "refresh_token", **fields, **changes}).encode()
        return send(self.base, "POST", "/open-api/v1.0/platform/token", headers=FORM, body=body)

    def obtained(self, refresh_token: str = FIRST) -> Any:
        return self.refresh(refresh_token).json()

    def public_token_status(self, access_token: str) -> int:
        headers = {"Authorization": f"Bearer {access_token}"}
        return send(self.base, "PUT", "/open-api/v1.0/public-token", headers=headers).status


@pytest.fixture
def fourthwall(simulators: Addresses, control: ControlClient) -> Endpoint:
    return Endpoint(simulators["fourthwall"], control)


def test_an_access_token_lives_five_minutes_and_the_refresh_token_stays(fourthwall: Endpoint) -> None:
    first, second = fourthwall.obtained(), fourthwall.obtained()

    assert first.keys() == {"access_token", "refresh_token", "expires_in"}
    assert (first["refresh_token"], second["expires_in"]) == (FIRST, 300)
    assert [fourthwall.public_token_status(each["access_token"]) for each in (first, second)] == [200, 200]
    fourthwall.control.advance(300)
    assert fourthwall.public_token_status(second["access_token"]) == 401
    assert fourthwall.control.state()["fourthwall"]["demo"]["refreshes"] == 2


def test_a_rotated_refresh_token_stays_valid_until_the_new_one_is_used(fourthwall: Endpoint) -> None:
    fourthwall.put(rotatesRefreshToken=True)
    lost, again = fourthwall.obtained(), fourthwall.obtained()
    newest = fourthwall.obtained(again["refresh_token"])

    assert lost["refresh_token"] == again["refresh_token"] != FIRST
    assert newest["refresh_token"] != again["refresh_token"]
    assert fourthwall.refresh().status == 400


def test_another_refresh_token_ends_the_one_before(fourthwall: Endpoint) -> None:
    access_token = fourthwall.obtained()["access_token"]
    fourthwall.put(refreshToken="authorized-again")

    assert (fourthwall.refresh().status, fourthwall.refresh("authorized-again").status) == (400, 200)
    assert fourthwall.public_token_status(access_token) == 401


@pytest.mark.parametrize(
    ("mode", "changes", "status", "body"),
    [
        ({}, {"client_secret": "another"}, 401, {"error": "invalid_client"}),
        ({}, {"refresh_token": "another"}, 400, {"error": "invalid_grant"}),
        ({}, {"grant_type": "password"}, 400, {"error": "unsupported_grant_type"}),
        ({"deadRefreshAnswer": "unauthorized"}, {"refresh_token": "another"}, 401, {"code": "UNAUTHORIZED"}),
    ],
)
def test_a_wrong_grant_is_refused(
    fourthwall: Endpoint, mode: dict[str, str], changes: dict[str, str], status: int, body: dict[str, str]
) -> None:
    fourthwall.put(**mode)
    refused = fourthwall.refresh(**changes)

    assert (refused.status, refused.json()) == (status, body)
