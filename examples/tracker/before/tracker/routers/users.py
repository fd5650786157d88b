"""Users: themselves, and others."""

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import select

from ..deps import CurrentUser, PaginationDep, SessionDep, get_current_user
from ..models import User
from ..schemas import Page, Profile, ProfileChange, UserOut
from ..security import hash_password, verify_password
from ..services import page_of

router = APIRouter(prefix="/users", tags=["users"], dependencies=[Depends(get_current_user)])


@router.get("/me", response_model=Profile)
async def read_me(user: CurrentUser) -> User:
    return user


@router.patch("/me", response_model=Profile)
async def change_me(change: ProfileChange, user: CurrentUser, session: SessionDep) -> User:
    if change.password is not None:
        current = change.current_password
        if current is None or not verify_password(current.get_secret_value(), user.password_hash):
            raise HTTPException(status_code=400, detail="Incorrect password")
        user.password_hash = hash_password(change.password.get_secret_value())
    if change.name is not None:
        user.name = change.name
    await session.commit()
    return user


@router.delete("/me", status_code=204)
async def leave(user: CurrentUser, session: SessionDep) -> None:
    user.is_active = False
    await session.commit()


@router.get("", response_model=Page[UserOut])
async def list_users(
    session: SessionDep, page: PaginationDep, q: str | None = None
) -> dict[str, object]:
    query = select(User).where(User.is_active).order_by(User.id)
    if q:
        query = query.where(User.name.icontains(q, autoescape=True))
    users, total = await page_of(session, query, page.limit, page.offset)
    return {"items": users, "total": total, **page.model_dump()}


@router.get("/{user_id}", response_model=UserOut)
async def read_user(user_id: int, session: SessionDep) -> User:
    user = await session.get(User, user_id)
    if user is None or not user.is_active:
        raise HTTPException(status_code=404, detail="No such user")
    return user
