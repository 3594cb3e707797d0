package outbox

import "time"

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

const sqlListen = `listen outbox`

// A plan is kept for long. One made while the tables were nearly empty would read them whole for ever after; in batches
// that begin with this an index is always right.
const sqlByIndex = `select set_config('enable_seqscan', 'off', true)`

const sqlMessageIDs = `select nextval('message_id_seq') from generate_series(1, $1::int)`

// The bell is rung for the urgent always, for campaigns never, and for the rest only now and then ($20):
// commits that notify wait for each other.
const sqlEnqueue = `
with t as (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::text[],
        $9::bytea[], $10::bytea[], $11::bytea[], $12::text[], $13::smallint[], $14::text[], $15::text[], $16::timestamptz[],
        $17::timestamptz[], $18::bool[])
        as t (id, case_id, account_id, occasion, text_key, lang, class, operator, recipient, number_sealed, body_sealed, form, parts,
              state, reason, due_at, expires_at, final)
), m as (
    insert into message (id, created_at, case_id, account_id, occasion, text_key, lang, class, operator, recipient,
        number_sealed, body_sealed, form, parts)
    select id, $19, case_id, account_id, occasion, text_key, lang, class, operator, recipient, number_sealed, body_sealed, form, parts
    from t order by id
    on conflict (case_id, occasion, recipient, text_key) where occasion is not null do nothing
    returning id
), p as (
    insert into message_part (message_id, part, operator, class, state, reason, due_at, expires_at, final_at)
    select t.id, n, t.operator, t.class, t.state, t.reason, t.due_at, t.expires_at, case when t.final then $19 end
    from m join t using (id), generate_series(1, t.parts) n
    order by t.id, n
    returning operator, class, state
)
select pg_notify('outbox', operator) from p where state = 'queued' and (class <= 2 or class < 5 and $20) group by operator`

const partColumns = `p.id, p.message_id, p.part, p.class, p.attempt, p.retries, p.expires_at, m.form, m.parts, m.number_sealed, m.body_sealed`

// Urgent parts first, then the order of promise; parts that another lane is taking are passed over.
const sqlClaim = `
with c as (
    select w.id, w.class from unnest($6::text[]) u (operator), lateral (
        select id, class from message_part where operator = u.operator and state = 'queued' and class <= $2
        order by class, id limit $3 for update skip locked
    ) w order by w.class, w.id limit $3
)
update message_part p
set operator = $1, state = 'claimed', lease_by = $4, lease_until = now() + $5::interval
from c, message m
where p.id = c.id and m.id = p.message_id
returning ` + partColumns

// Committed before the PDU is written. The second arm makes a repeat harmless when the first commit's answer was lost.
const sqlDoubt = `
update message_part p
set state = 'in_doubt', attempt = u.attempt, bind = $3, sent_at = $4, lease_by = null, lease_until = null
from unnest($1::bigint[], $2::int[]) as u (id, attempt)
where p.id = u.id and (p.state = 'claimed' and p.lease_by = $5 or p.state = 'in_doubt' and p.attempt = u.attempt and p.bind = $3)
returning p.id`

// A late acceptance also stops a repeat that has not been written yet.
const sqlSettle = `
update message_part p
set state = u.to_state,
    smsc_id = coalesce(u.smsc_id, p.smsc_id),
    accepted_at = case when u.to_state = 'accepted' then $10::timestamptz else p.accepted_at end,
    final_at = case when u.to_state in ('refused', 'expired') then $10::timestamptz end,
    due_at = u.due_at, retries = p.retries + u.retry, code = coalesce(u.code, p.code), reason = u.reason,
    lease_by = case when u.to_state = 'claimed' then $11::text end,
    lease_until = case when u.to_state = 'claimed' then now() + $12::interval end
from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::smallint[], $8::int[], $9::text[])
    as u (id, attempt, from_state, to_state, smsc_id, due_at, retry, code, reason)
where p.id = u.id and p.attempt = u.attempt
    and (p.state = u.from_state or u.to_state = 'accepted' and p.state in ('queued', 'later', 'claimed', 'unknown'))`

const sqlRelease = `
update message_part set state = 'queued', lease_by = null, lease_until = null
where id = any($1::bigint[]) and state = 'claimed' and lease_by = $2`

// How a receipt moves a part, joined to it as r (id, smsc_id, state, code). States only go forward: nothing follows a final
// one, a failure counts only for a part that waits for its receipt, and "enroute" only tells that the operator has it.
const applyReceipt = `
update message_part p
set state = case when r.state = 'undelivered' and n.again then 'later' when r.state = 'enroute' then 'accepted' else r.state end,
    due_at = case when r.state = 'undelivered' and n.again then n.due else p.due_at end,
    final_at = case when r.state = 'enroute' or r.state = 'undelivered' and n.again then null else $2::timestamptz end,
    retries = p.retries + (r.state = 'undelivered')::int,
    accepted_at = coalesce(p.accepted_at, $2), smsc_id = coalesce(r.smsc_id, p.smsc_id),
    code = coalesce(r.code, p.code), reason = 'receipt', lease_by = null, lease_until = null
from r
join message_part o on o.id = r.id
cross join lateral (select $2::timestamptz + ($1::interval[])[o.retries + 1] as due) d
cross join lateral (select d.due, coalesce(o.class > 1 and d.due < o.expires_at, false) as again) n
where p.id = r.id and (
    r.state = 'delivered' and p.state in ('accepted', 'in_doubt', 'later', 'queued', 'claimed', 'unknown')
    or r.state = 'undelivered' and p.state in ('accepted', 'in_doubt')
    or r.state = 'enroute' and p.state = 'in_doubt')`

// By the operator's id, the newest part that bears it; else, for a part whose response was lost, by our own reference and
// the recipient. What names no part is parked: its response may be on the way.
const sqlReceipts = `
with f as (
    select coalesce(a.id, b.id) as id, u.operator, u.smsc_id, u.state, u.code
    from unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::bytea[], $8::int[])
        as u (operator, smsc_id, state, code, recipient, reference)
    left join lateral (
        select id from message_part p where p.operator = u.operator and p.smsc_id = u.smsc_id order by id desc limit 1
    ) a on true
    left join lateral (
        select p.id from message_part p join message m on m.id = p.message_id
        where p.state = 'in_doubt' and p.operator = u.operator and m.recipient = u.recipient and p.id & 65535 = u.reference
        order by p.id desc limit 1
    ) b on a.id is null and u.reference is not null
), r as (
    select distinct on (id) * from f where id is not null
    order by id, array_position(array['delivered', 'undelivered', 'enroute'], state)
), parked as (
    insert into receipt (operator, smsc_id, state, code, received_at)
    select operator, smsc_id, state, code, $2 from f where id is null and state <> 'enroute' and smsc_id is not null
    on conflict do nothing
    returning id
), applied as (` + applyReceipt + ` returning p.id)
select (select count(*) from applied), (select count(*) from parked)`

const unparkHead = `
with due as (
    select c.id as receipt_id, c.smsc_id, c.state, c.code, p.id
    from receipt c
    join lateral (
        select id, state from message_part p where p.operator = c.operator and p.smsc_id = c.smsc_id order by id desc limit 1
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
const sqlUnparkThese = unparkHead + `c.operator = $3 and c.smsc_id = any($4::text[])` + unparkTail

// and once more for those that were stored in the same instant.
const sqlUnparkRecent = unparkHead + `c.received_at > $3` + unparkTail

const sqlForgetReceipts = `delete from receipt where id in (select id from receipt where received_at < $1 order by received_at limit 1000)`

const sqlPromote = `
with d as (
    select id from message_part where state = 'later' and due_at <= $1 order by due_at limit 1000 for update skip locked
), q as (
    update message_part p set state = 'queued' from d where p.id = d.id returning p.operator
)
select pg_notify('outbox', operator) from q group by operator`

const sqlSweepLeases = `
with d as (
    select id from message_part where state = 'claimed' and lease_until < now() limit 1000 for update skip locked
)
update message_part p set state = 'queued', lease_by = null, lease_until = null from d where p.id = d.id`

// A part long in doubt is sent again with the same words; a one-time code, or any part of an operator that holds, is given up.
const sqlSweepDoubt = `
with d as (
    select id from message_part where state = 'in_doubt' and sent_at < $1 order by sent_at limit 1000 for update skip locked
)
update message_part p
set (state, final_at, retries, reason) = (
        select case when again then 'queued' when p.expires_at <= $2 then 'expired' else 'unknown' end,
            case when not again then $2::timestamptz end, p.retries + again::int, 'unknown'
        from (select p.class > 1 and p.operator <> all(coalesce($3::text[], '{}')) and p.retries < $4 and p.expires_at > $2 as again) a)
from d where p.id = d.id
returning p.operator, p.state`

const sqlSweepExpired = `
with d as (
    select id from message_part where state = 'queued' and expires_at <= $1 limit 1000 for update skip locked
)
update message_part p set state = 'expired', final_at = $1, reason = 'expired' from d where p.id = d.id`

const messageState = `
case when bool_and(p.state = 'delivered') then 'delivered'
     when bool_or(p.state in ('undelivered', 'refused', 'expired', 'unknown', 'withdrawn'))
         then min(p.state) filter (where p.state in ('undelivered', 'refused', 'expired', 'unknown', 'withdrawn'))
     when bool_or(p.state = 'in_doubt') then 'in_doubt'
     when bool_and(p.state in ('accepted', 'delivered')) then 'accepted'
     else 'queued' end`

const messageLine = `
select m.id, m.created_at as at, m.text_key as key, m.lang, m.parts, m.operator, ` + messageState + ` as state,
    coalesce(max(p.reason), '') as reason, max(p.code) as code, min(p.accepted_at) as accepted,
    case when bool_and(p.state = 'delivered') then max(p.final_at) end as delivered,
    coalesce(m.case_id, 0) as case_id, coalesce(m.account_id, 0) as account_id
from message m join message_part p on p.message_id = m.id`

const sqlForCase = messageLine + ` where m.case_id = $1 group by m.id order by m.id desc limit 200`

const sqlNotReached = messageLine + `
where m.called_at is null and m.id in (
        select message_id from message_part where state in ('undelivered', 'refused', 'expired', 'unknown') and final_at > $1
        order by final_at desc limit 5 * $2)
    and not exists (` + secondCopy + `)
group by m.id order by m.id desc limit $2`

// The text as it was told again to a second number.
const secondCopy = `
    select 1 from message c where c.case_id is not distinct from m.case_id and c.occasion = 'second:' || m.id`

// Texts that a number did not take and that may be worth another one. One-time codes are not: they are asked for again.
const sqlFailed = `
select m.id, m.case_id, m.account_id, m.text_key, m.lang, m.class, m.recipient, m.body_sealed, max(p.expires_at) as expires
from message m join message_part p on p.message_id = m.id
where m.second_at is null and m.account_id is not null and m.class > 1 and coalesce(m.occasion, '') not like 'second:%'
    and m.id in (
        select message_id from message_part where state in ('undelivered', 'refused') and final_at > $1 and reason <> 'no_route'
        order by final_at desc limit 200)
group by m.id order by m.id limit 100`

const sqlSecondLooked = `update message set second_at = $2 where id = any($1::bigint[])`

const sqlBody = `select body_sealed from message where id = $1`

const sqlCalled = `update message set called_at = $2, called_by = $3 where id = $1 and called_at is null`

const sqlDepth = `
select operator, class, count(*), extract(epoch from $1 - min(due_at))::float8
from message_part where state in ('queued', 'claimed') group by operator, class`

// settlement is one part's next state.
type settlement struct {
	id       int64
	attempt  int32
	from, to State
	smscID   *string
	due      time.Time
	retry    int16
	code     *int32
	reason   string
}

// settleArgs turns settlements into the columns of sqlSettle.
func settleArgs(list []settlement, now time.Time, lease string) []any {
	n := len(list)
	ids, attempts, from, to := make([]int64, n), make([]int32, n), make([]string, n), make([]string, n)
	smsc, due, retry := make([]*string, n), make([]time.Time, n), make([]int16, n)
	code, reason := make([]*int32, n), make([]string, n)
	for i, s := range list {
		ids[i], attempts[i], from[i], to[i] = s.id, s.attempt, string(s.from), string(s.to)
		smsc[i], due[i], retry[i], code[i], reason[i] = s.smscID, s.due, s.retry, s.code, s.reason
	}
	return []any{ids, attempts, from, to, smsc, due, retry, code, reason, now, lease, leaseFor}
}
