package casework_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wasl-sms/wasl/internal/casework"
)

// What the program must never do is tried here past the program, in SQL: the
// database itself refuses.
func TestTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f, err := b.move(t.Context(), clerk(), b.ask(t), casework.Move{Event: "take"})
	if err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{
		"a state set by hand":                         `update case_file set state = 'GRANTED' where id = $1`,
		"a state and a version set by hand":           `update case_file set state = 'GRANTED', version = version + 1 where id = $1`,
		"an event the table does not list":            planted("forget", `3, 2, 'loan', 1, 'IN_HAND', 'forget', 'GRANTED', false, false`, "staff authority", "null"),
		"a move to a state the event does not reach":  planted("grant", `3, 2, 'loan', 1, 'IN_HAND', 'grant', 'REFUSED', false, false`, "staff authority", "null"),
		"a move from a state the case is not in":      planted("withdraw", `3, 2, 'loan', 1, 'ASKED', 'withdraw', 'WITHDRAWN', false, false`, "citizen ", "null"),
		"a place in the chain left out":               planted("grant", `4, 3, 'loan', 1, 'IN_HAND', 'grant', 'GRANTED', false, false`, "staff authority", "null"),
		"a beginning in the middle":                   planted("ask", `3, null, 'loan', 1, '', 'ask', 'ASKED', false, false`, "citizen ", "null"),
		"a refusal by a machine":                      planted("refuse", `3, 2, 'loan', 1, 'IN_HAND', 'refuse', 'REFUSED', true, true`, "job ", "'late'"),
		"a refusal by nobody in particular":           planted("refuse", `3, 2, 'loan', 1, 'IN_HAND', 'refuse', 'REFUSED', true, true`, "staff ", "'late'"),
		"a refusal by a machine said not to be one":   planted("refuse", `3, 2, 'loan', 1, 'IN_HAND', 'refuse', 'REFUSED', false, true`, "job ", "'late'"),
		"a refusal without a reason":                  planted("refuse", `3, 2, 'loan', 1, 'IN_HAND', 'refuse', 'REFUSED', true, true`, "staff authority", "null"),
		"a reason said not to be needed":              planted("refuse", `3, 2, 'loan', 1, 'IN_HAND', 'refuse', 'REFUSED', true, false`, "staff authority", "null"),
		"a move whose case stays where it was":        still("grant", `3, 2, 'loan', 1, 'IN_HAND', 'grant', 'GRANTED', false, false`, "staff authority", "null"),
		"a decision whose audit row tells of another": planted("take", `3, 2, 'loan', 1, 'IN_HAND', 'grant', 'GRANTED', false, false`, "staff authority", "null"),
		"a decision without its audit row": `with c as (update case_file set state = 'GRANTED', version = 3 where id = $1)
			insert into transition select $1, 3, 2, 'loan', 1, 'IN_HAND', 'grant', 'GRANTED', false, false, now(), 'staff', 7, 'authority', 'desk', null, -1`,
		"a command key used twice":                    `insert into command (channel, key, verb, actor_kind, actor_id, at) select channel, key, verb, actor_kind, actor_id, at from command where $1::bigint > 0`,
		"a transition rewritten":                      `update transition set reason_code = 'other' where case_id = $1`,
		"a transition taken out":                      `delete from transition where case_id = $1`,
		"an audit event rewritten":                    `update audit_event set note = 'nothing to see' where object_id = $1`,
		"an audit event taken out":                    `delete from audit_event where object_id = $1`,
		"a case opened in a state nobody moved it to": `insert into case_file (ref, machine, machine_version, account_id, state, version, created_at) select '00000000', 'loan', 1, account_id, 'GRANTED', 1, now() from case_file where id = $1`,
	} {
		// Some rules are checked when the transaction ends, so that every try commits.
		err := pgx.BeginFunc(t.Context(), b.db, func(tx pgx.Tx) error {
			tag, err := tx.Exec(t.Context(), sql, f.ID)
			if err == nil && tag.RowsAffected() == 0 {
				return errNothing
			}
			return err
		})
		refusal, refused := errors.AsType[*pgconn.PgError](err)
		if !refused || refusal.Code[:2] != "23" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, table := range []string{"audit_event", "audit_seal", "transition"} {
		if _, err := b.db.Exec(t.Context(), "truncate "+table+" cascade"); err == nil {
			t.Errorf("%s was emptied", table)
		}
	}
}

// planted moves the case and writes the transition and the audit row as the
// program would, but for what the test changes.
func planted(action, move, actor, reason string) string {
	state := strings.Split(move, "'")[7]
	return `with c as (update case_file set state = '` + state + `', version = version + 1 where id = $1), ` +
		written(action, move, actor, reason)
}

// still leaves the case where it is.
func still(action, move, actor, reason string) string {
	return "with " + written(action, move, actor, reason)
}

func written(action, move, actor, reason string) string {
	kind, role, _ := strings.Cut(actor, " ")
	return `a as (
			insert into audit_event (at, actor_kind, actor_id, role, channel, action, object_kind, object_id)
			values (now(), '` + kind + `', 7, '` + role + `', 'desk', 'loan.` + action + `', 'loan', $1) returning id)
		insert into transition (case_id, seq, prev_seq, machine, machine_version, from_state, event, to_state, human_only, needs_reason,
			at, actor_kind, actor_id, role, channel, reason_code, audit_id)
		select $1, ` + move + `, now(), '` + kind + `', 7, '` + role + `', 'desk', ` + reason + `, a.id from a`
}

// The same statement with nothing wrong in it is taken: the refusals above
// are not the statement's own fault.
func TestTheDatabaseTakesARightMove(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f, err := b.move(t.Context(), clerk(), b.ask(t), casework.Move{Event: "take"})
	if err != nil {
		t.Fatal(err)
	}
	right := planted("refuse", `3, 2, 'loan', 1, 'IN_HAND', 'refuse', 'REFUSED', true, true`, "staff authority", "'late'")
	if _, err := b.db.Exec(t.Context(), right, f.ID); err != nil {
		t.Error(err)
	}
}

var errNothing = errors.New("the statement touched no row")
