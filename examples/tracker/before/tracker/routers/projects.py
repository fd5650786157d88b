"""Projects and their members."""

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException

from ..deps import (
    CurrentUser,
    OwnProject,
    PaginationDep,
    ProjectDep,
    SessionDep,
    get_current_user,
)
from ..mail import send_mail
from ..models import Member, Project
from ..schemas import MemberIn, MemberOut, Page, ProjectChange, ProjectIn, ProjectOut
from ..services import add_member, create_project, find_user, page_of, visible_projects

router = APIRouter(prefix="/projects", tags=["projects"], dependencies=[Depends(get_current_user)])


@router.get("", response_model=Page[ProjectOut])
async def list_projects(
    session: SessionDep, user: CurrentUser, page: PaginationDep, archived: bool = False
) -> dict[str, object]:
    query = visible_projects(user).where(Project.is_archived == archived).order_by(Project.id)
    projects, total = await page_of(session, query, page.limit, page.offset)
    return {"items": projects, "total": total, **page.model_dump()}


@router.post("", response_model=ProjectOut, status_code=201)
async def create(new: ProjectIn, session: SessionDep, user: CurrentUser) -> Project:
    project = await create_project(session, user, new)
    await session.commit()
    return project


@router.get("/{project_id}", response_model=ProjectOut)
async def read_project(project: ProjectDep) -> Project:
    return project


@router.patch("/{project_id}", response_model=ProjectOut)
async def change_project(
    change: ProjectChange, project: OwnProject, session: SessionDep
) -> Project:
    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(project, name, value)
    await session.commit()
    return project


@router.delete("/{project_id}", status_code=204)
async def delete_project(project: OwnProject, session: SessionDep) -> None:
    if not project.is_archived:
        raise HTTPException(status_code=409, detail="Archive the project first")
    await session.delete(project)
    await session.commit()


@router.get("/{project_id}/members", response_model=list[MemberOut])
async def list_members(project: ProjectDep) -> list[Member]:
    return project.members


@router.post("/{project_id}/members", response_model=MemberOut, status_code=201)
async def invite(
    new: MemberIn, project: OwnProject, session: SessionDep, tasks: BackgroundTasks
) -> Member:
    user = await find_user(session, new.email)
    if user is None or not user.is_active:
        raise HTTPException(status_code=404, detail="No such user")
    member = await add_member(session, project, user)
    await session.commit()
    tasks.add_task(send_mail, user.email, f"You are a member of {project.name}")
    return member


@router.delete("/{project_id}/members/{user_id}", status_code=204)
async def remove_member(user_id: int, project: OwnProject, session: SessionDep) -> None:
    for member in project.members:
        if member.user_id == user_id:
            project.members.remove(member)
            await session.commit()
            return
    raise HTTPException(status_code=404, detail="No such member")
