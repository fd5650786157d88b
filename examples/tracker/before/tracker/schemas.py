"""What clients send, and what they get."""

from datetime import date, datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, computed_field, field_validator

from .models import Priority, Status

T = TypeVar("T")

Name = Annotated[str, Field(min_length=1, max_length=100)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
Password = Annotated[SecretStr, Field(min_length=10, max_length=200)]


class FromRow(BaseModel):
    """A model that is made of a row."""

    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    items: list[T]
    total: int
    limit: int
    offset: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def has_more(self) -> bool:
        return self.offset + len(self.items) < self.total


class Token(BaseModel):
    """What a login gives."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"


class SignUp(BaseModel):
    """A new account."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    name: Name
    password: Password

    @field_validator("email")
    @classmethod
    def lower(cls, email: str) -> str:
        return email.lower()


class UserOut(FromRow):
    """What others see of a user."""

    id: int
    name: str


class Profile(UserOut):
    """What users see of themselves."""

    email: str
    is_admin: bool = Field(serialization_alias="isAdmin")


class ProfileChange(BaseModel):
    """What users can change about themselves."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    password: Password | None = None
    current_password: SecretStr | None = Field(default=None, alias="currentPassword")


class ProjectIn(BaseModel):
    """A new project."""

    name: Name
    description: str = Field(default="", max_length=2000)


class ProjectChange(BaseModel):
    """What can be changed about a project."""

    name: Name | None = None
    description: str | None = Field(default=None, max_length=2000)
    is_archived: bool | None = Field(default=None, alias="isArchived")


class ProjectOut(FromRow):
    """A project."""

    id: int
    name: str
    description: str
    is_archived: bool = Field(serialization_alias="isArchived")
    owner: UserOut


class MemberIn(BaseModel):
    """Who is to become a member."""

    email: Email


class MemberOut(FromRow):
    """A member of a project."""

    user: UserOut


class TaskIn(BaseModel):
    """A new task."""

    title: str = Field(min_length=1, max_length=200)
    text: str = ""
    priority: Priority = Priority.NORMAL
    due_on: date | None = Field(default=None, alias="dueOn")
    assignee_id: int | None = Field(default=None, alias="assigneeId")


class TaskChange(BaseModel):
    """What can be changed about a task."""

    title: str | None = Field(default=None, min_length=1, max_length=200)
    text: str | None = None
    status: Status | None = None
    priority: Priority | None = None
    due_on: date | None = Field(default=None, alias="dueOn")
    assignee_id: int | None = Field(default=None, alias="assigneeId")


class AttachmentOut(FromRow):
    """A file of a task."""

    id: int
    filename: str
    content_type: str = Field(serialization_alias="contentType")
    size: int


class TaskOut(FromRow):
    """A task."""

    id: int
    title: str
    text: str
    status: Status
    priority: Priority
    due_on: date | None = Field(serialization_alias="dueOn")
    author: UserOut
    assignee: UserOut | None
    attachments: list[AttachmentOut]
    done_at: datetime | None = Field(serialization_alias="doneAt")


class CommentIn(BaseModel):
    """A new comment."""

    text: str = Field(min_length=1, max_length=5000)


class CommentOut(FromRow):
    """A comment."""

    id: int
    text: str
    author: UserOut
    created_at: datetime = Field(serialization_alias="createdAt")


class Move(BaseModel):
    """Takes a task to another project."""

    action: Literal["move"]
    project_id: int = Field(alias="projectId")


class Assign(BaseModel):
    """Gives a task to somebody."""

    action: Literal["assign"]
    assignee_id: int = Field(alias="assigneeId")


class Finish(BaseModel):
    """Ends a task."""

    action: Literal["finish"]
    comment: str = ""


Action = Annotated[Move | Assign | Finish, Field(discriminator="action")]


class Statistics(BaseModel):
    """Numbers for admins."""

    users: int
    projects: int
    tasks: dict[Status, int]
