package outbox

import (
	"slices"
	"time"

	"github.com/wasl-sms/wasl/internal/message"
)

// insert holds the columns of one batch of new texts.
type insert struct {
	id              []int64
	caseID, account []*int64
	occasion        []*string
	key, lang, form []string
	class, parts    []int16
	operator        []string
	recipient       [][]byte
	number, body    [][]byte
	state           []string
	reason          []*string
	due, expires    []time.Time
	final           []bool
}

func newInsert(n int) *insert { return &insert{id: make([]int64, 0, n)} }

func (b *insert) args(now time.Time) []any {
	return []any{
		b.id, b.caseID, b.account, b.occasion, b.key, b.lang, b.class, b.operator, b.recipient, b.number, b.body, b.form, b.parts,
		b.state, b.reason, b.due, b.expires, b.final, now,
	}
}

// hurried lists the operators that have a text among these which is no
// campaign and may go at once.
func (b *insert) hurried() (operators []string) {
	for i, operator := range b.operator {
		if b.state[i] == string(Queued) && b.class[i] < int16(message.Campaign) && !slices.Contains(operators, operator) {
			operators = append(operators, operator)
		}
	}
	return operators
}

const sqlListen = `listen outbox`

const sqlMessageIDs = `
select f.id | nextval('message_serial') from (select message_floor(clock_timestamp()) as id) f, generate_series(1, $1::int)`

// The bell of other processes is rung for the urgent always, for campaigns never, and for the rest only now and then ($20):
// commits that notify wait for each other.
const sqlEnqueue = `
with t as (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::text[],
        $9::bytea[], $10::bytea[], $11::bytea[], $12::text[], $13::smallint[], $14::text[], $15::text[], $16::timestamptz[],
        $17::timestamptz[], $18::bool[])
        as t (id, case_id, account_id, occasion, text_key, lang, class, operator, recipient, number_sealed, body_sealed, form, parts,
              state, reason, due_at, expires_at, final)
), told as (
    insert into message_told (message_id, case_id, occasion, recipient, text_key)
    select id, case_id, occasion, recipient, text_key from t where occasion is not null order by id
    on conflict do nothing
    returning message_id
), m as (
    insert into message (id, created_at, case_id, account_id, occasion, text_key, lang, class, operator, recipient,
        number_sealed, body_sealed, form, parts)
    select id, $19, case_id, account_id, occasion, text_key, lang, class, operator, recipient, number_sealed, body_sealed, form, parts
    from t where occasion is null or id in (select message_id from told) order by id
    returning id
), p as (
    insert into message_part (id, message_id, part, operator, class, state, reason, due_at, expires_at, final_at)
    select t.id << 8 | n, t.id, n, t.operator, t.class, t.state, t.reason, t.due_at, t.expires_at, case when t.final then $19 end
    from m join t using (id), generate_series(1, t.parts) n
    order by t.id, n
    returning operator, class, state
)
select pg_notify('outbox', operator) from p where state = 'queued' and (class <= 2 or class < 5 and $20) group by operator`

// In doubt before the PDU is written: from here on nobody knows whether the operator has the part, until an answer is stored.
// The queues come in the order of urgency, each in the order of promise from a place on; parts that another lane is taking
// are passed over. Rows are locked only until $3 are found. Unless the whole of the queues is looked at ($9), old months are
// left out from the start: to open each of them costs more than all the rest.
const sqlTake = `
with c as materialized (
    select w.id from unnest($2::text[], $4::smallint[], $5::bigint[]) q (operator, class, after), lateral (
        select id from message_part
        where operator = q.operator and class = q.class and state = 'queued' and id > q.after and id >= ` + recent + ` << 8
        order by id limit $3 for update skip locked
    ) w limit $3
)
update message_part p
set operator = $1, state = case when p.expires_at <= $8 then 'expired' else 'in_doubt' end,
    final_at = case when p.expires_at <= $8 then $8::timestamptz end, reason = case when p.expires_at <= $8 then 'expired' end,
    attempt = p.attempt + 1, bind = $6, lane = $7, sent_at = $8
from c, message m
where p.id = c.id and m.id = c.id >> 8 and p.id >= ` + recent + ` << 8 and m.id >= ` + recent + `
returning p.id, p.message_id, p.part, p.class, p.state, p.attempt, p.retries, p.redelivered, p.expires_at, m.operator,
    m.form, m.parts, m.number_sealed, m.body_sealed`

const recent = `(case when $9::bool then 0 else message_floor(now() - interval '8 days') end)`

// A late acceptance also stops a repeat that has not been written yet.
const sqlSettle = `
update message_part p
set state = u.to_state, operator = coalesce(u.operator, p.operator), lane = null,
    smsc_id = coalesce(u.smsc_id, p.smsc_id),
    accepted_at = case when u.to_state = 'accepted' then $10::timestamptz else p.accepted_at end,
    final_at = case when u.to_state = 'refused' then $10::timestamptz end,
    due_at = u.due_at, retries = p.retries + u.retry, code = coalesce(u.code, p.code), reason = u.reason
from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::smallint[], $8::int[], $9::text[])
    as u (id, attempt, to_state, operator, smsc_id, due_at, retry, code, reason)
where p.id = u.id and p.id between $11 and $12 and p.attempt = u.attempt
    and (p.state = 'in_doubt' or u.to_state = 'accepted' and p.state in ('queued', 'later', 'unknown'))`

// What a lane took in a commit of which it never heard, and therefore did not write: all that is in doubt by it but for
// what is out. Should this itself come about late, it leaves alone what was taken after it was asked for ($3).
const sqlUnwritten = `
update message_part p set state = 'queued', operator = m.operator, lane = null
from message m
where p.state = 'in_doubt' and p.lane = $1 and p.id <> all($2::bigint[]) and p.sent_at <= $3 and m.id = p.message_id`

// How a receipt moves a part, joined to it as r (id, smsc_id, state, code). States only go forward: nothing follows a final
// one, a failure counts only for a part that waits for its receipt, and "enroute" only tells that the operator has it.
const applyReceipt = `
update message_part p
set state = case when r.state = 'undelivered' and n.again then 'later' when r.state = 'enroute' then 'accepted' else r.state end,
    operator = case when r.state = 'undelivered' and n.again then m.operator else p.operator end,
    due_at = case when r.state = 'undelivered' and n.again then n.due else p.due_at end,
    final_at = case when r.state = 'enroute' or r.state = 'undelivered' and n.again then null else $2::timestamptz end,
    redelivered = p.redelivered + (r.state = 'undelivered')::int,
    accepted_at = coalesce(p.accepted_at, $2), smsc_id = coalesce(r.smsc_id, p.smsc_id),
    code = coalesce(r.code, p.code), reason = 'receipt', lane = null
from r
join message_part o on o.id = r.id
join message m on m.id = r.id >> 8
cross join lateral (select $2::timestamptz + ($1::interval[])[o.class][o.redelivered + 1] as due) d
cross join lateral (select d.due, coalesce(d.due < o.expires_at, false) as again) n
where p.id = r.id and (
    r.state = 'delivered' and p.state in ('accepted', 'in_doubt', 'later', 'queued', 'unknown', 'expired')
    or r.state = 'undelivered' and p.state in ('accepted', 'in_doubt')
    or r.state = 'enroute' and (p.state = 'in_doubt' or p.state in ('queued', 'unknown') and p.reason = 'unknown'))
returning p.operator, p.state, p.sent_at`

// By the operator's id, which it may use again: the part written last, and lately. Else, for a part whose response was lost,
// by our own reference and the recipient, also when the doubt about it was decided in the last $9: it is not sent again, and
// nobody is called for it. What names no part is parked: its response may be on the way.
const sqlReceipts = `
with f as (
    select coalesce(a.id, b.id) as id, u.operator, u.smsc_id, u.state, u.code
    from unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::bytea[], $8::int[])
        as u (operator, smsc_id, state, code, recipient, reference)
    left join lateral (
        select id from message_part p
        where p.operator = u.operator and p.smsc_id = u.smsc_id and p.id >= message_floor(now() - $9::interval) << 8
        order by p.sent_at desc limit 1
    ) a on true
    left join lateral (
        select p.id
        from (
            select id, message_id from message_part where state = 'in_doubt' and operator = u.operator
            union all
            select id, message_id from message_part
            where state in ('queued', 'unknown', 'expired') and reason in ('unknown', 'expired') and sent_at > $2::timestamptz - $9::interval
                and (operator = u.operator or state = 'queued')
        ) p join message m on m.id = p.message_id
        where a.id is null and u.reference is not null and m.recipient = u.recipient and ` + reference + ` = u.reference
        order by p.id desc limit 1
    ) b on true
), r as (
    select distinct on (id) * from f where id is not null
    order by id, array_position(array['delivered', 'undelivered', 'enroute'], state)
), parked as (
    insert into receipt (operator, smsc_id, state, code, received_at)
    select operator, smsc_id, state, code, $2 from f where id is null and state <> 'enroute' and smsc_id is not null
    on conflict do nothing
    returning id
), applied as (` + applyReceipt + `)
select operator, extract(epoch from $2 - sent_at)::float8 from applied where state = 'delivered'
union all select '', 0 from parked`

// Part.Reference in SQL.
const reference = `((p.id >> 8) + ((p.id & 255) - 1) * 40503 & 65535)`

const unparkHead = `
with due as (
    select c.id as receipt_id, c.smsc_id, c.state, c.code, p.id
    from receipt c
    join lateral (
        select id, state from message_part p
        where p.operator = c.operator and p.smsc_id = c.smsc_id and p.id >= message_floor(now() - $3::interval) << 8
        order by p.sent_at desc limit 1
    ) p on p.state = 'accepted'
    where `

const unparkTail = `
    order by c.id limit 500 for update of c skip locked
), gone as (
    delete from receipt where id in (select receipt_id from due)
), r as (
    select distinct on (id) id, smsc_id, state, code from due order by id, state
)` + applyReceipt

// Receipts that came before their response: looked for when the response is stored,
const sqlUnparkThese = unparkHead + `c.operator = $4 and c.smsc_id = any($5::text[])` + unparkTail

// and once more for those that were stored in the same instant.
const sqlUnparkRecent = unparkHead + `c.received_at > $4` + unparkTail

const sqlForgetReceipts = `delete from receipt where id in (select id from receipt where received_at < $1 order by received_at limit 1000)`

const sqlPromote = `
with d as (
    select id from message_part where state = 'later' and due_at <= $1 order by due_at limit 1000 for update skip locked
), q as (
    update message_part p set state = 'queued' from d where p.id = d.id returning p.operator
)
select pg_notify('outbox', operator) from q group by operator`

// A part long in doubt is sent again with the same words as often as its class allows ($4), unless its operator holds ($3).
// Its operator must have been heard for long enough since it was sent ($5, $6): it keeps receipts for one that is not bound.
// What was sent before $7 is decided all the same.
const sqlSweepDoubt = `
with d as (
    select p.id from message_part p left join unnest($5::text[], $6::timestamptz[]) h (operator, heard) on h.operator = p.operator
    where p.state = 'in_doubt' and p.sent_at < $1 and p.sent_at < greatest(h.heard, $7)
    order by p.sent_at limit 1000 for update of p skip locked
)
update message_part p
set (state, final_at, retries, operator, reason, lane) = (
        select case when again then 'queued' when p.expires_at <= $2 then 'expired' else 'unknown' end,
            case when not again then $2::timestamptz end, p.retries + again::int, case when again then m.operator else p.operator end,
            'unknown', null::bigint
        from (select p.operator <> all(coalesce($3::text[], '{}')) and p.retries < ($4::smallint[])[p.class] and p.expires_at > $2 as again) a)
from d join message m on m.id = d.id >> 8
where p.id = d.id
returning p.operator, p.state`

const sqlSweepExpired = `
with d as (
    select id from message_part where state = 'queued' and expires_at <= $1 limit 1000 for update skip locked
)
update message_part p set state = 'expired', final_at = $1, reason = 'expired' from d where p.id = d.id`

// Texts that a number did not take and that may be worth another one. One-time codes are not: they are asked for again.
// It begins with the parts that failed: the other way round it would read every month, each second.
const sqlFailed = `
with f as materialized (
    select message_id from message_part where state in ('undelivered', 'refused') and final_at > $1 and reason <> 'no_route'
    order by final_at desc limit 200
)
select m.id, m.case_id, m.account_id, m.text_key, m.lang, m.class, m.recipient, m.body_sealed, max(p.expires_at) as expires
from (select distinct message_id from f) d
join message m on m.id = d.message_id
join message_part p on p.id between m.id << 8 and m.id << 8 | 255
where m.second_at is null and m.account_id is not null and m.class > 1 and coalesce(m.occasion, '') not like 'second:%'
group by m.id order by m.id limit 100`

const sqlSecondLooked = `update message set second_at = $2 where id = any($1::bigint[])`

const sqlBody = `select body_sealed from message where id = $1`

const sqlCalled = `update message set called_at = $2, called_by = $3 where id = $1 and called_at is null`

const sqlMonths = `select message_month(now()), message_month(now() + interval '1 month')`

const sqlForgetMonths = `select message_forget(now() - make_interval(months => $1))`

const sqlForgetTold = `
delete from message_told where ctid = any(array(
    select ctid from message_told where message_id < message_floor(date_trunc('month', now() - make_interval(months => $1), 'UTC'))
    limit $2))`

// The age is that of the promise, which the index knows.
const sqlDepth = `
select operator, class, count(*), make_interval(secs => greatest(0, message_floor(now()) - (min(id) >> 8) >> 22)::float8)
from message_part where state = 'queued' group by operator, class`

// settlement is one part's next state.
type settlement struct {
	id       int64
	attempt  int32
	to       State
	operator *string // whose it is from now on; nil: who has it
	smscID   *string
	due      time.Time
	retry    int16
	code     *int32
	reason   string
}

// settleArgs turns settlements into the columns of sqlSettle.
func settleArgs(list []settlement, now time.Time) []any {
	n := len(list)
	ids, attempts, to, reason := make([]int64, n), make([]int32, n), make([]string, n), make([]string, n)
	operator, smsc := make([]*string, n), make([]*string, n)
	due, retry, code := make([]time.Time, n), make([]int16, n), make([]*int32, n)
	for i, s := range list {
		ids[i], attempts[i], to[i], operator[i] = s.id, s.attempt, string(s.to), s.operator
		smsc[i], due[i], retry[i], code[i], reason[i] = s.smscID, s.due, s.retry, s.code, s.reason
	}
	return []any{ids, attempts, to, operator, smsc, due, retry, code, reason, now, slices.Min(ids), slices.Max(ids)}
}
