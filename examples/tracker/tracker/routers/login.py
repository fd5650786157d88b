"""Signing up, and logging in."""

from typing import Annotated

from flasgo import BackgroundTasks, Blueprint, Form, HTTPException

from ..deps import SessionDep, SettingsDep
from ..mail import send_welcome
from ..models import User
from ..schemas import Profile, SignUp, Token
from ..security import create_token
from ..services import log_in, sign_up

router = Blueprint("login", tags=["login"])


@router.post("/signup", response_model=Profile, status_code=201)
async def create_account(
    new: SignUp, session: SessionDep, settings: SettingsDep, tasks: BackgroundTasks
) -> User:
    """Make an account, and send a mail."""
    user = await sign_up(session, new, is_admin=new.email == settings.first_admin)
    await session.commit()
    tasks.add_task(send_welcome, user.email, name=user.name)
    return user


@router.post("/login/token")
async def login(
    username: Annotated[str, Form()],
    password: Annotated[str, Form()],
    session: SessionDep,
    settings: SettingsDep,
) -> Token:
    """Exchange a password for a token."""
    user = await log_in(session, username, password)
    if user is None:
        raise HTTPException(status_code=400, detail="Incorrect email or password")
    token = create_token(user.id, settings.secret_key, settings.token_minutes)
    return Token(access_token=token)
