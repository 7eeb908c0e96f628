"""`python -m app users …`: what an operator does for users, first of all for those locked out."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from getpass import getpass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import email_change, one_time_tokens, passwords, rate_limits, two_factor
from app.accounts import sessions as user_sessions
from app.accounts import users as people
from app.audit_log import Actor, ActorKind, AuditEvent
from app.cli.confirmation import ask_first
from app.config import NEEDED_BY_CHECKS, NEEDED_BY_DATABASE, Settings, read_settings
from app.connections import disconnect
from app.database.encryption import Keys
from app.database.engine import open_configured
from app.errors import CommandError
from app.models.account import TokenPurpose, User
from app.models.connection import Connection
from app.outbound import smtp
from app.providers.registry import catalogue_of

NEEDED_BY_ACTION = {"delete": NEEDED_BY_CHECKS, "link": (*NEEDED_BY_DATABASE, "PUBLIC_URL")}

QUESTIONS = {
    "delete": "Delete {email}: connections end at their providers, history and alerts are gone.",
    "second-factor-off": "Forget the second factor of {email}.",
}


@dataclass(frozen=True)
class UserCommand:
    """What an action works with; `email` is as it was typed."""

    session: AsyncSession
    settings: Settings
    email: str


def users(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if arguments.action != "list" and not arguments.email:
        raise CommandError(f"users {arguments.action} wants an e-mail address")
    if question := QUESTIONS.get(arguments.action):
        ask_first(arguments, question.format(email=arguments.email))
    needed = NEEDED_BY_ACTION.get(arguments.action, NEEDED_BY_DATABASE)
    return asyncio.run(_run(arguments, read_settings(environ, needed)))


async def person_of(session: AsyncSession, email: str) -> User:
    user = await people.with_email(session, email)
    if user is None:
        raise CommandError(f"there is no account for {email}")
    return user


async def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    async with (
        open_configured(settings, "users") as database,
        database.sessions.begin() as session,
    ):
        audit_log.set_actor(Actor(ActorKind.OPERATOR))
        order = UserCommand(session, settings, arguments.email)
        if arguments.action in FOR_NOBODY_YET:
            await FOR_NOBODY_YET[arguments.action](order)
        else:
            user = await person_of(session, arguments.email)
            await FOR_SOMEBODY[arguments.action](order, user)
    return 0


async def _list(order: UserCommand) -> None:
    """All accounts have the same rights; an operator is who can start this."""
    connections = (
        select(func.count())
        .where(Connection.user_id == User.id, Connection.replaces_connection_id.is_(None))
        .scalar_subquery()
    )
    query = select(User.email, User.disabled_at, connections.label("connections"))
    for user in await order.session.execute(query.order_by(User.id)):
        number = f"{user.connections} connection{'' if user.connections == 1 else 's'}"
        print("  ".join([user.email, number, *(["disabled"] if user.disabled_at else [])]))


async def _add(order: UserCommand) -> None:
    password_hash = await passwords.hash_password(_password(order.email))
    await _must_be_reachable(order, order.email)
    if await people.sign_up(order.session, order.email, password_hash) is None:
        raise CommandError(f"there is already an account for {order.email}")


async def _change_password(order: UserCommand, user: User) -> None:
    password_hash = await passwords.hash_password(_password(order.email))
    await people.change_password(order.session, user.id, password_hash)


async def _print_link(order: UserCommand, user: User) -> None:
    """The link is for its user alone: whoever has it can take the account over."""
    if user.disabled_at is not None:
        raise CommandError(f"{user.email} is disabled: `users enable` first")
    link = await one_time_tokens.issue(order.session, TokenPurpose.RESET, user.id)
    await audit_log.write(order.session, user.id, AuditEvent.RESET_ASKED)
    print(f"{order.settings.public_url}/reset/password?link={link}")


async def _change_email(order: UserCommand, user: User) -> None:
    email = _ask("New e-mail address: ", input)
    if people.is_no_email(email):
        raise CommandError("the e-mail address looks wrong")
    await _must_be_reachable(order, email)
    await email_change.forget(order.session, user.id)
    if not await email_change.take(order.session, user.id, email):
        raise CommandError(f"there is already an account for {email}")


async def _unlock(order: UserCommand, user: User) -> None:
    await rate_limits.forgive_everything(order.session, user.id, user.email)
    await audit_log.write(order.session, user.id, AuditEvent.UNLOCKED)


async def _sign_out(order: UserCommand, user: User) -> None:
    await user_sessions.end_sessions_of(order.session, user.id)
    await audit_log.write(order.session, user.id, AuditEvent.SESSIONS_ENDED)


async def _second_factor_off(order: UserCommand, user: User) -> None:
    if not await two_factor.turn_off(order.session, user.id):
        raise CommandError(f"{user.email} has no second factor")
    await audit_log.write(order.session, user.id, AuditEvent.SECOND_FACTOR_OFF)


async def _disable(order: UserCommand, user: User) -> None:
    await people.disable(order.session, user)


async def _enable(order: UserCommand, user: User) -> None:
    await people.enable(order.session, user)


async def _delete(order: UserCommand, user: User) -> None:
    catalogue, keys = catalogue_of(order.settings), Keys(order.settings.token_keys)
    await user_sessions.end_sessions_of(order.session, user.id)
    await disconnect.delete_person(order.session, keys, catalogue, user.id)


FOR_NOBODY_YET: Mapping[str, Callable[[UserCommand], Awaitable[None]]] = {
    "list": _list,
    "add": _add,
}
FOR_SOMEBODY: Mapping[str, Callable[[UserCommand, User], Awaitable[None]]] = {
    "password": _change_password,
    "link": _print_link,
    "email": _change_email,
    "unlock": _unlock,
    "sign-out": _sign_out,
    "second-factor-off": _second_factor_off,
    "disable": _disable,
    "enable": _enable,
    "delete": _delete,
}


async def _must_be_reachable(order: UserCommand, email: str) -> None:
    """Refuse an address that no mail can reach; a mail server that fails just now is no reason."""
    fault = await smtp.fault_of(order.settings, email)
    if fault is not None and fault.for_good:
        raise CommandError(f"no letter would reach {email}: {fault.why}")


def _password(email: str) -> str:
    """From the terminal, or the first line of standard input; never from the arguments."""
    password = _ask("Password: ", getpass)
    if fault := people.fault_in(email, password):
        needed = f"at least {passwords.SHORTEST_PASSWORD} characters"
        raise CommandError(
            "the e-mail address looks wrong" if fault == "email" else f"the password wants {needed}"
        )
    return password


def _ask(question: str, at_the_terminal: Callable[[str], str]) -> str:
    if sys.stdin.isatty():
        return at_the_terminal(question)
    return sys.stdin.readline().rstrip("\n")
