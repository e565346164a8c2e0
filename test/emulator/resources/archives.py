"""Archives of event buses."""

from __future__ import annotations

from ..rows import Call, created, gone

ROWS = (
    created(
        "AWS::Events::Archive",
        "events",
        "create_archive",
        name="ArchiveName",
        name_length=48,
        names={"SourceArn": "EventSourceArn"},
        attributes={"Arn": "{ArchiveArn}"},
        update=(
            Call(
                "update_archive",
                takes=("ArchiveName", "Description", "EventPattern", "RetentionDays"),
            ),
        ),
        delete=(gone("delete_archive", ArchiveName="{ref}"),),
    ),
)
