"""Settings that count at once: read with their defaults and bounds, changed by an Admin, each change in the audit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict

from engram.server.access import Here, Who
from engram.server.route import Router
from engram.server.settings_rows import Row
from engram.server.settings_table import ROWS, row_of
from engram.server.shapes.house import SettingList, SettingOut
from engram.server.versions import IfMatch, tag, version_of
from engram.store.records import settings
from engram.store.records.settings import Setting
from engram.store.times import from_micros

router = Router(prefix="/api/v1/settings", tags=["settings"])
Name = Annotated[str, Path(max_length=100)]


class NewValue(BaseModel):
    """A value of the kind that the setting has."""

    model_config = ConfigDict(extra="forbid")

    value: Any


@router.get("", operation_id="settings.read", response_model=SettingList, response_model_exclude_unset=True)
def listed(who: Who, here: Here, response: Response) -> dict[str, Any]:
    """Return every setting: its value, its default and bounds, what it is for, and who changed it when."""
    with here.db.read() as tx:
        found = {one.name: one for one in settings.list_settings(tx)}
    return {"items": [shown(row, found.get(name)) for name, row in ROWS.items()], "next": None}


@router.put("/{name}", operation_id="settings.write", response_model=SettingOut, response_model_exclude_unset=True)
def write(
    name: Name, asked: NewValue, who: Who, here: Here, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Set a value; it counts from the next request on. Version 0 is a setting that nobody has changed."""
    row = row_of(name)
    value = row.read(asked.value)
    with here.db.write() as tx:
        before = settings.get_setting(tx, name)
        made = settings.put_setting(tx, name, value, actor=who.principal.user, version=version_of(if_match))
    here.settings_changed()
    who.said.update(subject=name, old=before.value if before else row.default, new=made.value)
    tag(response, made.version)
    return shown(row, made)


def shown(row: Row, one: Setting | None) -> dict[str, Any]:
    """Return a setting as the API shows it."""
    return {
        "name": row.name,
        "value": one.value if one else row.default,
        "default": row.default,
        "help": row.help,
        **row.shape,
        "version": one.version if one else 0,
        "changed_by": one.actor if one else None,
        "changed": from_micros(one.updated) if one else None,
    }
