"""What the API takes and sends; names in JSON are in camel case."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Text = Annotated[str, Meta(min_length=1)]


class Model(Struct, rename="camel"):
    """A base for what is sent."""


class Registration(Struct):
    """A new account."""

    username: Text
    email: Text
    password: Text


class Login(Struct):
    """An email address and a password."""

    email: Text
    password: Text


class AccountChange(Struct):
    """What is left out stays as it is."""

    email: Text | UnsetType = UNSET
    username: Text | UnsetType = UNSET
    password: Text | UnsetType = UNSET
    bio: str | UnsetType = UNSET
    image: str | UnsetType | None = UNSET


class Account(Model):
    """The account of who asks."""

    email: str
    username: str
    bio: str
    image: str | None
    token: str


class Profile(Model):
    """What everybody sees of an account."""

    username: str
    bio: str
    image: str | None
    following: bool


class NewArticle(Struct, rename="camel"):
    """An article as it is written."""

    title: Text
    description: Text
    body: Text
    tag_list: list[Text] = []


class ArticleChange(Struct):
    """What is left out stays as it is."""

    title: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    body: Text | UnsetType = UNSET


class Article(Model):
    """An article as it is read."""

    slug: str
    title: str
    description: str
    body: str
    tag_list: list[str]
    created_at: str
    updated_at: str
    favorited: bool
    favorites_count: int
    author: Profile


class NewComment(Struct):
    """A comment as it is written."""

    body: Text


class Comment(Model):
    """A comment as it is read."""

    id: int
    created_at: str
    updated_at: str
    body: str
    author: Profile
