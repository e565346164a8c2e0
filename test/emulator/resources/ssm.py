"""Parameters."""

from __future__ import annotations

from ..rows import Call, created, gone

ROWS = (
    created(
        "AWS::SSM::Parameter",
        "ssm",
        "put_parameter",
        name="Name",
        name_length=1011,
        update=(
            Call(
                "put_parameter",
                takes=(
                    "AllowedPattern",
                    "DataType",
                    "Description",
                    "Name",
                    "Policies",
                    "Tier",
                    "Type",
                    "Value",
                ),
                given={"Overwrite": True},
            ),
        ),
        removed={"Description": ""},
        tagging=(
            "add_tags_to_resource",
            "remove_tags_from_resource",
            {"ResourceType": "Parameter", "ResourceId": "{ref}"},
        ),
        delete=(gone("delete_parameter", Name="{ref}"),),
    ),
)
