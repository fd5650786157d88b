"""For admins."""

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import func, select

from ..deps import SessionDep, get_admin
from ..models import Project, User
from ..schemas import Profile, Statistics
from ..services import count_tasks

router = APIRouter(prefix="/admin", tags=["admin"], dependencies=[Depends(get_admin)])


@router.get("/statistics")
async def statistics(session: SessionDep) -> Statistics:
    return Statistics(
        users=await session.scalar(select(func.count()).select_from(User)) or 0,
        projects=await session.scalar(select(func.count()).select_from(Project)) or 0,
        tasks=await count_tasks(session),
    )


@router.post("/users/{user_id}/block", response_model=Profile)
async def block(user_id: int, session: SessionDep) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise HTTPException(status_code=404, detail="No such user")
    user.is_active = False
    await session.commit()
    return user
