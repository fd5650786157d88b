"""What the app does with its tables, without a thought of HTTP."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from .models import Comment, Member, Project, Status, Task, User, now
from .schemas import ProjectIn, SignUp, TaskChange, TaskIn
from .security import hash_password, verify_password


class ConflictError(Exception):
    """Raised for what cannot be twice."""


async def find_user(session: AsyncSession, email: str) -> User | None:
    return await session.scalar(select(User).where(User.email == email.lower()))


async def sign_up(session: AsyncSession, new: SignUp, *, is_admin: bool) -> User:
    if await find_user(session, new.email) is not None:
        raise ConflictError("This address has an account.")
    user = User(
        email=new.email,
        name=new.name,
        password_hash=hash_password(new.password.get_secret_value()),
        is_admin=is_admin,
    )
    session.add(user)
    await session.flush()
    return user


async def log_in(session: AsyncSession, email: str, password: str) -> User | None:
    user = await find_user(session, email)
    if not verify_password(password, user.password_hash if user else None):
        return None
    return user if user is not None and user.is_active else None


def visible_projects(user: User) -> Select[Project]:
    """Return the query for the projects that a user may see."""
    if user.is_admin:
        return select(Project)
    mine = select(Member.project_id).where(Member.user_id == user.id)
    return select(Project).where(or_(Project.owner_id == user.id, Project.id.in_(mine)))


async def find_project(session: AsyncSession, user: User, number: int) -> Project | None:
    return await session.scalar(visible_projects(user).where(Project.id == number))


async def create_project(session: AsyncSession, owner: User, new: ProjectIn) -> Project:
    project = Project(name=new.name, description=new.description, owner=owner)
    session.add(project)
    await session.flush()
    return project


async def add_member(session: AsyncSession, project: Project, user: User) -> Member:
    await session.refresh(project, ["members"])
    if any(member.user_id == user.id for member in project.members):
        raise ConflictError("They are a member already.")
    member = Member(project_id=project.id, user=user)
    project.members.append(member)
    await session.flush()
    return member


def is_member(project: Project, user_id: int) -> bool:
    return project.owner_id == user_id or any(each.user_id == user_id for each in project.members)


def tasks_of(
    project: Project, status: Status | None, text: str | None, assignee_id: int | None
) -> Select[Task]:
    """Return the query for tasks of a project, the pressing ones first."""
    query = select(Task).where(Task.project_id == project.id)
    if status is not None:
        query = query.where(Task.status == status)
    if text:
        query = query.where(Task.title.icontains(text, autoescape=True))
    if assignee_id is not None:
        query = query.where(Task.assignee_id == assignee_id)
    return query


async def page_of(
    session: AsyncSession, query: Select[Any], limit: int, offset: int
) -> tuple[Sequence[Any], int]:
    """Return a part of what a query finds, and how much that is in all."""
    total = await session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    found = await session.scalars(query.limit(limit).offset(offset))
    return found.unique().all(), total or 0


async def create_task(session: AsyncSession, project: Project, author: User, new: TaskIn) -> Task:
    task = Task(
        project_id=project.id,
        title=new.title,
        text=new.text,
        priority=new.priority,
        due_on=new.due_on,
        author=author,
        assignee_id=new.assignee_id,
    )
    session.add(task)
    await session.flush()
    await session.refresh(task)
    return task


async def change_task(session: AsyncSession, task: Task, change: TaskChange) -> Task:
    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(task, name, value)
    if change.status is not None:
        task.done_at = now() if change.status is Status.DONE else None
    await session.flush()
    await session.refresh(task)
    return task


async def add_comment(session: AsyncSession, task: Task, author: User, text: str) -> Comment:
    comment = Comment(task_id=task.id, author=author, text=text)
    session.add(comment)
    await session.flush()
    return comment


async def count_tasks(session: AsyncSession) -> dict[Status, int]:
    found = dict.fromkeys(Status, 0)
    query = select(Task.status, func.count()).group_by(Task.status)
    for status, number in await session.execute(query):
        found[status] = number
    return found
