"""Twelve waves of refusals: nobody is asked to reconnect in vain, and a real one reaches everybody.

Each at a provider of its own, checked every ten minutes. Time is moved.
"""

from dataclasses import dataclass

import pytest

from tests.monitor.scripted.conftest import OpenWorld
from tests.monitor.scripted.provider import Asked, Script, Scripts, renewed, reply, well
from tests.monitor.scripted.world import Scene, World

BEGINS = 700.0  # seconds; by then everybody was checked
MINUTE, HOUR = 60.0, 3_600.0
ENDS = BEGINS + 2 * HOUR + 25 * MINUTE  # the longest is over, and everybody was asked again
TELL_ALL = HOUR + 2 * MINUTE  # until people are told that a service refuses everybody

UNAUTHORIZED = reply(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
FORBIDDEN = reply(403, error="forbidden")
UNPAID = reply(402, error="payment required")
OVER = reply(400, error="invalid_grant")


@dataclass(frozen=True)
class Wave:
    api: tuple[bytes, ...]  # what grants get, in turn
    connections: int
    people: int
    seconds: float
    token: bytes | None = OVER  # None: nothing to refresh with; b"": a refresh works


WAVES = {
    "401-few-half-a-minute": Wave((UNAUTHORIZED,), 3, 2, 30, None),
    "401-ten-minutes": Wave((UNAUTHORIZED,), 30, 10, 10 * MINUTE, None),
    "401-with-refresh-two-hours": Wave((UNAUTHORIZED,), 200, 50, 2 * HOUR, b""),
    "403-few-ten-minutes": Wave((FORBIDDEN,), 3, 2, 10 * MINUTE),
    "403-two-hours": Wave((FORBIDDEN,), 30, 10, 2 * HOUR),
    "403-many-half-a-minute": Wave((FORBIDDEN,), 200, 50, 30),
    "invalid-grant-few-two-hours": Wave((UNAUTHORIZED,), 3, 2, 2 * HOUR),
    "invalid-grant-half-a-minute": Wave((UNAUTHORIZED,), 30, 10, 30),
    "invalid-grant-many-ten-minutes": Wave((UNAUTHORIZED,), 200, 50, 10 * MINUTE),
    "mixed-two-hours": Wave((UNAUTHORIZED, FORBIDDEN, UNPAID), 30, 10, 2 * HOUR),
}
SOMEBODY = "real-somebody-reconnects"
REAL = {
    SOMEBODY: Wave((UNAUTHORIZED,), 30, 10, 10 * HOUR),
    "real-nobody-reconnects": Wave((UNAUTHORIZED,), 200, 50, 10 * HOUR),
}
RECONNECTED = BEGINS + 40 * MINUTE  # somebody's new grant works


def refusing(wave: Wave) -> Script:
    def api(asked: Asked) -> bytes:
        renewed_by_hand = wave in REAL.values() and asked.grant == 0 and asked.at >= RECONNECTED
        is_on = BEGINS <= asked.at < BEGINS + wave.seconds and not renewed_by_hand
        return wave.api[asked.grant % len(wave.api)] if is_on else well(asked)

    return api


def renewing(wave: Wave) -> Script:
    def token(asked: Asked) -> bytes:
        is_on = BEGINS <= asked.at < BEGINS + wave.seconds
        return wave.token if is_on and wave.token else renewed(asked)

    return token


async def _played(world: World, waves: dict[str, Wave]) -> dict[str, Scene]:
    for name, wave in waves.items():
        scripts = Scripts(refusing(wave), renewing(wave))
        refreshable = wave.token is not None
        await world.add(name, scripts, wave.connections, wave.people, refreshable=refreshable)
    await world.run(RECONNECTED)
    if SOMEBODY in waves:
        await world.reconnect(world.scenes[SOMEBODY], 0)
    await world.run(ENDS - RECONNECTED)
    return world.scenes


def _faults(name: str, wave: Wave, scene: Scene) -> list[str]:
    """What is wrong with a wave that was the provider's own."""
    faults = []
    if asked := scene.ever("revoked", "blocked"):
        faults.append(f"{name}: {len(asked)} asked in vain")
    wrong = {"revoked", "blocked", "reminder"} & set(scene.kinds())
    long = wave.seconds > HOUR
    expected = ["outage", "recovered"] if long else []
    if wrong or any(scene.kinds(each) != expected for each in range(wave.people)):
        faults.append(f"{name}: letters {sorted(set(scene.kinds()))}, of each {expected} expected")
    if long and any(at < BEGINS + HOUR for at, _, _ in scene.letters):
        early = [(at, kind) for at, _, kind in scene.letters if at < BEGINS + HOUR]
        faults.append(f"{name}: told before the hour was over: {early[:3]}")
    if off := [each for each in range(wave.connections) if scene.at(ENDS, each)[0] != "online"]:
        faults.append(f"{name}: {len(off)} not online at the end")
    if len(scene.outages) != (wave.seconds > MINUTE) and wave.seconds > MINUTE:
        faults.append(f"{name}: {len(scene.outages)} outages")
    return faults


@pytest.mark.processes
@pytest.mark.parametrize("names", [list(WAVES)[:5], list(WAVES)[5:]], ids=["1 to 5", "6 to 10"])
async def test_a_provider_that_stumbles_makes_nobody_reconnect(
    open_scripted: OpenWorld, names: list[str]
) -> None:
    waves = {name: WAVES[name] for name in names}
    async with open_scripted(step=10.0) as world:
        scenes = await _played(world, waves)
    faults = [fault for name, wave in waves.items() for fault in _faults(name, wave, scenes[name])]
    assert not faults, "\n".join(faults)


@pytest.mark.processes
async def test_a_real_mass_revocation_reaches_everybody(open_scripted: OpenWorld) -> None:
    async with open_scripted(step=10.0) as world:
        scenes = await _played(world, REAL)
    somebody, nobody = scenes[SOMEBODY], scenes["real-nobody-reconnects"]
    for each in range(1, 10):
        told = [at for at, person, kind in somebody.letters if person == somebody.people[each]]
        assert "revoked" in somebody.kinds(each)
        assert min(told) <= BEGINS + TELL_ALL
    assert somebody.at(ENDS, 0)[0] == "online"
    assert {somebody.at(ENDS, each)[0] for each in range(1, 30)} == {"revoked"}
    for each in range(50):
        assert nobody.kinds(each) == ["outage"]
    assert max(at for at, _, _ in nobody.letters) <= BEGINS + 660 + TELL_ALL
