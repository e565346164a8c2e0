"""The table of types itself."""

from __future__ import annotations

import unittest

from .. import schema
from ..account import operation_model
from ..resources import TABLE, _MODULES


class Table(unittest.TestCase):
    def test_every_type_has_one_row_and_cloudformation_knows_it(self) -> None:
        rows = [row for module in _MODULES for row in module.ROWS]
        self.assertEqual(len(rows), len(TABLE), "a type has two rows, and the first is lost")
        unknown = [t for t in TABLE if not schema.knows(t) and TABLE[t].kind != "nothing"]
        self.assertEqual(unknown, [])

    def test_every_named_call_is_one_of_aws(self) -> None:
        for row in TABLE.values():
            for call in filter(None, (row.create, *row.steps, *row.update, *row.delete)):
                if isinstance(call.operation, str):
                    with self.subTest(type=row.type, operation=call.operation):
                        operation_model(call.service or row.service, call.operation)

    def test_every_created_type_can_be_deleted(self) -> None:
        undeletable = [r.type for r in TABLE.values() if r.kind == "created" and not r.delete]
        # The attachment only writes into the secret, which has a row that deletes.
        self.assertEqual(undeletable, ["AWS::SecretsManager::SecretTargetAttachment"])


if __name__ == "__main__":
    unittest.main()
