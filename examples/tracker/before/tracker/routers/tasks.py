"""Tasks and comments."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Body, Depends, HTTPException, Query
from sqlalchemy import select

from ..deps import (
    CurrentUser,
    PaginationDep,
    ProjectDep,
    SessionDep,
    TaskDep,
    get_current_user,
)
from ..mail import send_mail
from ..models import Comment, Project, Status, Task, User
from ..schemas import (
    Action,
    Assign,
    CommentIn,
    CommentOut,
    Finish,
    Page,
    TaskChange,
    TaskIn,
    TaskOut,
)
from ..services import (
    add_comment,
    change_task,
    create_task,
    find_project,
    is_member,
    page_of,
    tasks_of,
)

router = APIRouter(
    prefix="/projects/{project_id}/tasks",
    tags=["tasks"],
    dependencies=[Depends(get_current_user)],
)


def check_assignee(project: Project, assignee_id: int | None) -> None:
    if assignee_id is not None and not is_member(project, assignee_id):
        raise HTTPException(status_code=422, detail="The assignee is no member of the project")


async def tell_assignee(session: SessionDep, task: Task, tasks: BackgroundTasks) -> None:
    if task.assignee_id is not None:
        user = await session.get(User, task.assignee_id)
        if user is not None:
            tasks.add_task(send_mail, user.email, f"A task for you: {task.title}")


@router.get("", response_model=Page[TaskOut])
async def list_tasks(
    session: SessionDep,
    project: ProjectDep,
    page: PaginationDep,
    status: Status | None = None,
    q: Annotated[str | None, Query(max_length=50)] = None,
    assignee: int | None = None,
) -> dict[str, object]:
    query = tasks_of(project, status, q, assignee).order_by(Task.priority.desc(), Task.id)
    found, total = await page_of(session, query, page.limit, page.offset)
    return {"items": found, "total": total, **page.model_dump()}


@router.post("", response_model=TaskOut, status_code=201)
async def create(
    new: TaskIn,
    session: SessionDep,
    project: ProjectDep,
    user: CurrentUser,
    tasks: BackgroundTasks,
) -> Task:
    if project.is_archived:
        raise HTTPException(status_code=409, detail="The project is archived")
    check_assignee(project, new.assignee_id)
    task = await create_task(session, project, user, new)
    await session.commit()
    await tell_assignee(session, task, tasks)
    return task


@router.get("/{task_id}", response_model=TaskOut)
async def read_task(task: TaskDep) -> Task:
    return task


@router.patch("/{task_id}", response_model=TaskOut)
async def change(
    change: TaskChange, session: SessionDep, project: ProjectDep, task: TaskDep
) -> Task:
    check_assignee(project, change.assignee_id)
    task = await change_task(session, task, change)
    await session.commit()
    return task


@router.delete("/{task_id}", status_code=204)
async def delete_task(task: TaskDep, session: SessionDep, user: CurrentUser) -> None:
    if task.author_id != user.id and not user.is_admin:
        raise HTTPException(status_code=403, detail="Only for the author of the task")
    await session.refresh(task, ["comments"])
    await session.delete(task)
    await session.commit()


@router.post("/{task_id}/actions", response_model=TaskOut)
async def act(
    action: Annotated[Action, Body()],
    session: SessionDep,
    project: ProjectDep,
    task: TaskDep,
    user: CurrentUser,
    tasks: BackgroundTasks,
) -> Task:
    """Move a task, assign it or finish it."""
    if isinstance(action, Assign):
        check_assignee(project, action.assignee_id)
        task = await change_task(session, task, TaskChange(assigneeId=action.assignee_id))
        await tell_assignee(session, task, tasks)
    elif isinstance(action, Finish):
        if action.comment:
            await add_comment(session, task, user, action.comment)
        task = await change_task(session, task, TaskChange(status=Status.DONE))
    else:
        target = await find_project(session, user, action.project_id)
        if target is None:
            raise HTTPException(status_code=404, detail="No such project")
        task.project_id = target.id
    await session.commit()
    return task


@router.get("/{task_id}/comments", response_model=list[CommentOut])
async def list_comments(task: TaskDep, session: SessionDep) -> list[Comment]:
    query = select(Comment).where(Comment.task_id == task.id).order_by(Comment.id)
    return list(await session.scalars(query))


@router.post("/{task_id}/comments", response_model=CommentOut, status_code=201)
async def comment(new: CommentIn, task: TaskDep, session: SessionDep, user: CurrentUser) -> Comment:
    comment = await add_comment(session, task, user, new.text)
    await session.commit()
    return comment
