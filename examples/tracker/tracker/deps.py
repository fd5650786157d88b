"""What handlers depend on."""

from typing import Annotated

from flasgo import Depends, HTTPException, Query, Request, User as Account, current_app
from sqlalchemy.ext.asyncio import AsyncSession

from .config import Settings
from .models import Project, Task, User
from .schemas import FromRow
from .security import read_token
from .services import find_project
from .storage import Storage

SessionDep = AsyncSession


def get_settings(request: Request) -> Settings:
    return request.app.state.settings


def get_storage(request: Request) -> Storage:
    return request.app.state.storage


SettingsDep = Annotated[Settings, Depends(get_settings)]
StorageDep = Annotated[Storage, Depends(get_storage)]


def find_user(token: str) -> Account | None:
    number = read_token(token, current_app.state.settings.secret_key)
    return None if number is None else Account(id=str(number))


async def get_current_user(session: SessionDep, request: Request) -> User:
    user = await session.get(User, int(request.user.id))
    if user is None or not user.is_active:
        raise HTTPException(
            401, "Could not validate credentials", headers={"WWW-Authenticate": "Bearer"}
        )
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


async def get_admin(user: CurrentUser) -> User:
    if not user.is_admin:
        raise HTTPException(403, "Only for admins")
    return user


async def get_project(project_id: int, session: SessionDep, user: CurrentUser) -> Project:
    project = await find_project(session, user, project_id)
    if project is None:
        raise HTTPException(404, "No such project")
    return project


ProjectDep = Annotated[Project, Depends(get_project)]


async def get_own_project(project: ProjectDep, user: CurrentUser) -> Project:
    if project.owner_id != user.id and not user.is_admin:
        raise HTTPException(403, "Only for the owner of the project")
    return project


OwnProject = Annotated[Project, Depends(get_own_project)]


async def get_task(task_id: int, session: SessionDep, project: ProjectDep) -> Task:
    task = await session.get(Task, task_id)
    if task is None or task.project_id != project.id:
        raise HTTPException(404, "No such task")
    return task


TaskDep = Annotated[Task, Depends(get_task)]


class Pagination(FromRow):
    """Which part of a list is asked for."""

    limit: int
    offset: int


def get_pagination(
    limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0)] = 0
) -> Pagination:
    return Pagination(limit=limit, offset=offset)


PaginationDep = Annotated[Pagination, Depends(get_pagination)]
