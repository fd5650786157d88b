"""Projects, their members, tasks, comments and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Account, Client, is_fastapi
from .test_accounts import problems

Headers = dict[str, str]


def test_a_project(client: Client, ann: Headers, project: str) -> None:
    expected = {
        "id": 1,
        "name": "House",
        "description": "",
        "isArchived": False,
        "owner": {"id": 1, "name": "Ann"},
    }
    assert client.get(project, headers=ann).json() == expected
    assert client.get("/projects", headers=ann).json()["items"] == [expected]
    changed = client.patch(project, json={"description": "All of it"}, headers=ann)
    assert changed.json() == {**expected, "description": "All of it"}
    assert problems(client.patch(project, json={"name": ""}, headers=ann)) == [["body", "name"]]
    assert client.get("/projects/99", headers=ann).json()["detail"] == "No such project"


def test_strangers_see_no_project(client: Client, project: str, bob: Headers) -> None:
    assert client.get(project, headers=bob).status_code == 404
    assert client.get(f"{project}/tasks", headers=bob).status_code == 404
    assert client.get("/projects", headers=bob).json()["total"] == 0


def test_archives(client: Client, ann: Headers, project: str) -> None:
    assert client.delete(project, headers=ann).status_code == 409
    archived = client.patch(project, json={"isArchived": True}, headers=ann)
    assert archived.json()["isArchived"] is True
    assert client.get("/projects", headers=ann).json()["total"] == 0
    assert client.get("/projects?archived=true", headers=ann).json()["total"] == 1
    made = client.post(f"{project}/tasks", json={"title": "Late"}, headers=ann)
    assert made.status_code == 409
    assert client.delete(project, headers=ann).status_code == 204
    assert client.get(project, headers=ann).status_code == 404


def test_members(
    client: Client, tracker: Callable[[str], Any], ann: Headers, project: str, bob: Headers
) -> None:
    members = f"{project}/members"
    invited = client.post(members, json={"email": "bob@tracker.example"}, headers=ann)
    assert invited.status_code == 201
    assert invited.json() == {"user": {"id": 2, "name": "Bob"}}
    last = tracker("mail").OUTBOX[-1]
    assert (last.to, last.subject) == ("bob@tracker.example", "You are a member of House")
    again = client.post(members, json={"email": "bob@tracker.example"}, headers=ann)
    assert again.status_code == 409
    nobody = client.post(members, json={"email": "no@tracker.example"}, headers=ann)
    assert nobody.status_code == 404
    assert client.get(members, headers=bob).json() == [{"user": {"id": 2, "name": "Bob"}}]
    assert client.patch(project, json={"name": "Mine"}, headers=bob).status_code == 403
    assert client.delete(f"{members}/2", headers=ann).status_code == 204
    assert client.delete(f"{members}/2", headers=ann).status_code == 404
    assert client.get(project, headers=bob).status_code == 404


def test_a_task(client: Client, ann: Headers, task: str) -> None:
    expected = {
        "id": 1,
        "title": "Paint the door",
        "text": "",
        "status": "open",
        "priority": 2,
        "dueOn": None,
        "author": {"id": 1, "name": "Ann"},
        "assignee": None,
        "attachments": [],
        "doneAt": None,
    }
    assert client.get(task, headers=ann).json() == expected
    change = {"status": "started", "dueOn": "2027-01-31", "priority": 3}
    assert client.patch(task, json=change, headers=ann).json() == {**expected, **change}
    done = client.patch(task, json={"status": "done"}, headers=ann).json()
    assert done["doneAt"] is not None
    open_again = client.patch(task, json={"status": "open"}, headers=ann).json()
    assert open_again["doneAt"] is None


def test_what_tasks_have_to_be(client: Client, ann: Headers, project: str) -> None:
    for sent, where in (
        ({}, ["body", "title"]),
        ({"title": ""}, ["body", "title"]),
        ({"title": "x", "priority": 9}, ["body", "priority"]),
        ({"title": "x", "dueOn": "soon"}, ["body", "dueOn"]),
        ({"title": "x", "assigneeId": "bob"}, ["body", "assigneeId"]),
    ):
        assert problems(client.post(f"{project}/tasks", json=sent, headers=ann)) == [where]


def test_tasks_are_found(client: Client, ann: Headers, project: str) -> None:
    for title, priority in (("Paint the door", 1), ("Buy paint", 3), ("Sleep", 2)):
        new = {"title": title, "priority": priority}
        assert client.post(f"{project}/tasks", json=new, headers=ann).status_code == 201
    client.patch(f"{project}/tasks/3", json={"status": "done"}, headers=ann)

    def titles(query: str) -> list[str]:
        page = client.get(f"{project}/tasks{query}", headers=ann).json()
        return [each["title"] for each in page["items"]]

    assert titles("") == ["Buy paint", "Sleep", "Paint the door"]
    assert titles("?q=PAINT") == ["Buy paint", "Paint the door"]
    assert titles("?status=done") == ["Sleep"]
    assert titles("?limit=1&offset=1") == ["Sleep"]
    assert titles("?assignee=1") == []
    answer = client.get(f"{project}/tasks?status=lost&q={'x' * 51}", headers=ann)
    assert problems(answer) == [["query", "status"], ["query", "q"]]


def test_a_task_is_given_to_members_alone(
    client: Client, tracker: Callable[[str], Any], ann: Headers, bob: Headers, task: str
) -> None:
    project = task.partition("/tasks")[0]
    assert client.patch(task, json={"assigneeId": 2}, headers=ann).status_code == 422
    client.post(f"{project}/members", json={"email": "bob@tracker.example"}, headers=ann)
    action = {"action": "assign", "assigneeId": 2}
    assert client.post(f"{task}/actions", json=action, headers=ann).json()["assignee"] == {
        "id": 2,
        "name": "Bob",
    }
    assert tracker("mail").OUTBOX[-1].subject == "A task for you: Paint the door"
    new = {"title": "Buy paint", "assigneeId": 2}
    assert client.post(f"{project}/tasks", json=new, headers=ann).status_code == 201
    assert tracker("mail").OUTBOX[-1].subject == "A task for you: Buy paint"


def test_actions(client: Client, ann: Headers, task: str) -> None:
    actions = f"{task}/actions"
    done = client.post(actions, json={"action": "finish", "comment": "At last"}, headers=ann)
    assert done.json()["status"] == "done"
    assert [c["text"] for c in client.get(f"{task}/comments", headers=ann).json()] == ["At last"]
    other = client.post("/projects", json={"name": "Garden"}, headers=ann).json()["id"]
    moved = client.post(actions, json={"action": "move", "projectId": other}, headers=ann)
    assert moved.status_code == 200
    assert client.get(task, headers=ann).status_code == 404
    assert client.get(f"/projects/{other}/tasks/1", headers=ann).status_code == 200


def test_actions_that_are_none(client: Client, ann: Headers, task: str) -> None:
    for sent in ({}, {"action": "burn"}, {"action": "move"}, []):
        answer = client.post(f"{task}/actions", json=sent, headers=ann)
        assert answer.status_code == 422


def test_comments(client: Client, ann: Headers, task: str) -> None:
    made = client.post(f"{task}/comments", json={"text": "Which colour?"}, headers=ann)
    assert made.status_code == 201
    told = made.json()
    assert told["author"] == {"id": 1, "name": "Ann"}
    assert told["createdAt"].startswith("20")
    assert client.get(f"{task}/comments", headers=ann).json() == [told]
    empty = client.post(f"{task}/comments", json={"text": ""}, headers=ann)
    assert problems(empty) == [["body", "text"]]


def test_a_task_is_deleted_by_its_author(
    client: Client, account: Account, ann: Headers, bob: Headers, task: str
) -> None:
    project = task.partition("/tasks")[0]
    client.post(f"{project}/members", json={"email": "bob@tracker.example"}, headers=ann)
    client.post(f"{task}/comments", json={"text": "No"}, headers=bob)
    assert client.delete(task, headers=bob).status_code == 403
    assert client.delete(task, headers=ann).status_code == 204
    assert client.get(task, headers=ann).status_code == 404


def test_files(client: Client, ann: Headers, task: str) -> None:
    files = {"file": ("door.txt", b"red\n", "text/plain")}
    made = client.post(f"{task}/attachments", files=files, headers=ann)
    assert made.status_code == 201
    expected = {"id": 1, "filename": "door.txt", "contentType": "text/plain", "size": 4}
    assert made.json() == expected
    assert client.get(task, headers=ann).json()["attachments"] == [expected]
    got = client.get(f"{task}/attachments/1", headers=ann)
    assert got.content == b"red\n"
    assert got.headers["Content-Type"].startswith("text/plain")
    assert got.headers["Content-Disposition"] == 'attachment; filename="door.txt"'
    assert client.delete(f"{task}/attachments/1", headers=ann).status_code == 204
    assert client.get(f"{task}/attachments/1", headers=ann).status_code == 404


def test_files_have_titles_and_limits(client: Client, ann: Headers, task: str) -> None:
    files = {"file": ("door.txt", b"red\n", "text/plain")}
    titled = client.post(f"{task}/attachments", files=files, data={"title": "colours"}, headers=ann)
    assert titled.json()["filename"] == "colours"
    large = {"file": ("door.txt", b"x" * 1001, "text/plain")}
    answer = client.post(f"{task}/attachments", files=large, headers=ann)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The file is too large"
    assert client.post(f"{task}/attachments", data={"title": "x"}, headers=ann).status_code == 422


def test_the_description(client: Client) -> None:
    app = client.app
    document = app.openapi() if is_fastapi(app) else app.openapi_spec()
    assert document["info"]["title"] == "Tracker"
    operations = {
        (method.upper(), path): each
        for path, methods in document["paths"].items()
        for method, each in methods.items()
    }
    assert len(operations) == 28
    create = operations["POST", "/projects/{project_id}/tasks"]
    assert create["tags"] == ["tasks"]
    assert create["security"]
    act = operations["POST", "/projects/{project_id}/tasks/{task_id}/actions"]
    action = act["requestBody"]["content"]["application/json"]["schema"]
    assert action["discriminator"]["propertyName"] == "action"
    assert {"TaskIn", "Move", "Profile"} <= document["components"]["schemas"].keys()
    assert ("GET", "/health") not in operations
