package migrations

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wasilibs/go-pgquery/parser"
)

// The parse tree of PostgreSQL, as far as the rules look into it.
// https://github.com/pganalyze/libpg_query/blob/17-latest/protobuf/pg_query.proto
type tree struct {
	Statements []struct {
		Node   node `json:"stmt"`
		Start  int  `json:"stmt_location"` // before the comments and blanks that lead it
		Length int  `json:"stmt_len"`
	} `json:"stmts"`
}

// node has one member, the one that says what it is.
type node struct {
	AlterEnum  *struct{ OldVal string }               `json:"AlterEnumStmt"`
	AlterTable *alterTable                            `json:"AlterTableStmt"`
	Cluster    *struct{ Relation relation }           `json:"ClusterStmt"`
	Create     *struct{ Relation relation }           `json:"CreateStmt"`
	CreateAs   *struct{ Into struct{ Rel relation } } `json:"CreateTableAsStmt"`
	Delete     *changeRows                            `json:"DeleteStmt"`
	Do         *struct{}                              `json:"DoStmt"`
	Drop       *drop                                  `json:"DropStmt"`
	Index      *index                                 `json:"IndexStmt"`
	Lock       *struct {
		Relations []item
		Mode      int
	} `json:"LockStmt"`
	RefreshMatView *struct {
		Relation   relation
		Concurrent bool
	} `json:"RefreshMatViewStmt"`
	Reindex *struct {
		Relation relation
		Params   []item
	} `json:"ReindexStmt"`
	Rename      *rename                      `json:"RenameStmt"`
	Select      *struct{ TargetList []item } `json:"SelectStmt"`
	Transaction *struct{ Kind string }       `json:"TransactionStmt"`
	Truncate    *struct{ Relations []item }  `json:"TruncateStmt"`
	Update      *changeRows                  `json:"UpdateStmt"`
	Vacuum      *struct {
		Options []item
		Rels    []item
	} `json:"VacuumStmt"`
	VariableSet *struct{ Kind, Name string } `json:"VariableSetStmt"`
}

type relation struct {
	SchemaName string `json:"schemaname"`
	RelName    string `json:"relname"`
}

// key tells tables apart. One that names no schema is in the service's own, which it need not name.
func (r relation) key() string { return r.SchemaName + "." + r.RelName }

type alterTable struct {
	Relation relation
	Commands []struct {
		Command command `json:"AlterTableCmd"`
	} `json:"cmds"`
	Kind string `json:"objtype"`
}

type command struct {
	Subtype, Name string
	Definition    struct {
		Column     *column     `json:"ColumnDef"`
		Constraint *constraint `json:"Constraint"`
		Partition  *struct {
			Concurrent bool
			Name       relation
		} `json:"PartitionCmd"`
	} `json:"def"`
}

type column struct {
	Name        string `json:"colname"`
	Type        typeName
	Constraints []struct{ Constraint constraint }
	Location    int
}

func (c *column) UnmarshalJSON(text []byte) error {
	type plain column
	var read struct {
		plain
		TypeName typeName `json:"typeName"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*c = column(read.plain)
	c.Type = read.TypeName
	return nil
}

type typeName struct{ Names []item }

func (t typeName) last() string {
	if len(t.Names) == 0 || t.Names[len(t.Names)-1].String == nil {
		return ""
	}
	return t.Names[len(t.Names)-1].String.Value
}

type constraint struct {
	Kind           string          `json:"contype"`
	Name           string          `json:"conname"`
	Index          string          `json:"indexname"`
	SkipValidation bool            `json:"skip_validation"`
	Expression     json.RawMessage `json:"raw_expr"`
	Location       int
}

type drop struct {
	Kind       string `json:"removeType"`
	Objects    []item
	Concurrent bool
}

type index struct {
	Name        string `json:"idxname"`
	Relation    relation
	Concurrent  bool
	IfNotExists bool `json:"if_not_exists"`
}

type rename struct {
	Kind     string `json:"renameType"`
	Relation relation
}

type changeRows struct {
	Relation relation
	Where    json.RawMessage `json:"whereClause"`
}

// item is what lists hold.
type item struct {
	Relation *relation `json:"RangeVar"`
	Option   *struct {
		Name string `json:"defname"`
	} `json:"DefElem"`
	Vacuumed *struct{ Relation relation } `json:"VacuumRelation"`
	List     *struct{ Items []item }
	String   *struct {
		Value string `json:"sval"`
	}
	Result *struct {
		Value struct {
			Call *struct {
				Name      []item `json:"funcname"`
				Arguments []struct {
					Constant *struct {
						Text struct {
							Value string `json:"sval"`
						} `json:"sval"`
					} `json:"A_Const"`
				} `json:"args"`
			} `json:"FuncCall"`
		} `json:"val"`
	} `json:"ResTarget"`
}

// names of the relations that a list names, each with or without a schema.
func relations(items []item) (found []relation) {
	for _, one := range items {
		switch {
		case one.Relation != nil:
			found = append(found, *one.Relation)
		case one.Vacuumed != nil:
			found = append(found, one.Vacuumed.Relation)
		case one.List != nil && len(one.List.Items) > 0:
			var name relation
			for _, part := range one.List.Items {
				if part.String != nil {
					name.SchemaName, name.RelName = name.RelName, part.String.Value
				}
			}
			found = append(found, name)
		}
	}
	return found
}

func hasOption(items []item, name string) bool {
	for _, one := range items {
		if one.Option != nil && strings.EqualFold(one.Option.Name, name) {
			return true
		}
	}
	return false
}

// parse reads SQL as PostgreSQL does. A mistake is told with its place.
func parse(file, sql string) (tree, error) {
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		return tree{}, fmt.Errorf("%s: it is no UTF-8 text", file)
	}
	text, err := parser.ParseToJSON(sql)
	var wrong *parser.Error
	switch {
	case errors.As(err, &wrong):
		line, column := position(sql, byteOf(sql, wrong.Cursorpos-1))
		return tree{}, fmt.Errorf("%s:%d:%d: PostgreSQL cannot read it: %s", file, line, column, wrong.Message)
	case err != nil:
		return tree{}, fmt.Errorf("%s: PostgreSQL cannot read it: %w", file, err)
	}
	var read tree
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		return tree{}, fmt.Errorf("%s: read the parse tree: %w", file, err)
	}
	return read, nil
}

// byteOf is where a character of a text begins.
func byteOf(text string, character int) int {
	for at := range text {
		if character <= 0 {
			return at
		}
		character--
	}
	return len(text)
}

// position is a place as line and column, both from 1.
func position(text string, at int) (line, column int) {
	before := text[:min(max(at, 0), len(text))]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:]) + 1
}
