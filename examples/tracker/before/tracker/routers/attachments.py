"""Files of tasks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, UploadFile
from fastapi.responses import FileResponse

from ..deps import SessionDep, SettingsDep, StorageDep, TaskDep, get_current_user
from ..models import Attachment, Task
from ..schemas import AttachmentOut

router = APIRouter(
    prefix="/projects/{project_id}/tasks/{task_id}/attachments",
    tags=["attachments"],
    dependencies=[Depends(get_current_user)],
)


def find(task: Task, number: int) -> Attachment:
    for attachment in task.attachments:
        if attachment.id == number:
            return attachment
    raise HTTPException(status_code=404, detail="No such attachment")


@router.post("", response_model=AttachmentOut, status_code=201)
async def attach(
    file: UploadFile,
    task: TaskDep,
    session: SessionDep,
    settings: SettingsDep,
    storage: StorageDep,
    title: Annotated[str, Form(max_length=100)] = "",
) -> Attachment:
    """Attach a file to a task."""
    content = await file.read()
    if len(content) > settings.largest_upload:
        raise HTTPException(status_code=413, detail="The file is too large")
    attachment = Attachment(
        task_id=task.id,
        filename=title or file.filename or "unnamed",
        content_type=file.content_type or "application/octet-stream",
        size=len(content),
    )
    session.add(attachment)
    await session.flush()
    storage.save(attachment.id, content)
    await session.commit()
    return attachment


@router.get("/{attachment_id}")
async def download(attachment_id: int, task: TaskDep, storage: StorageDep) -> FileResponse:
    attachment = find(task, attachment_id)
    return FileResponse(
        storage.path(attachment.id),
        media_type=attachment.content_type,
        filename=attachment.filename,
    )


@router.delete("/{attachment_id}", status_code=204)
async def remove(
    attachment_id: int, task: TaskDep, session: SessionDep, storage: StorageDep
) -> None:
    attachment = find(task, attachment_id)
    storage.remove(attachment.id)
    await session.delete(attachment)
    await session.commit()
