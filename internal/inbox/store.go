package inbox

// The commit does not wait for the disk.
const sqlNoFlush = `select set_config('synchronous_commit', 'off', true)`

const sqlInboxIDs = `select nextval('inbox_id_seq') from generate_series(1, $1::int)`

// The row of what was seen lately stays as it is, and nothing is stored. Two copies at once meet on its key.
const sqlSee = `
insert into inbound_seen as s (key, seen_at) values ($1, $3)
on conflict (key) do update set seen_at = excluded.seen_at where s.seen_at <= excluded.seen_at - $2::interval`

// In the order of their keys, so that two batches with the same texts do not wait for each other. What is to be claimed
// from the start waits all the same while an older text of its sender is open.
const sqlKeepWholes = `
with t as (
    select * from unnest($1::bytea[], $2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::bytea[], $7::bytea[], $8::bool[],
        $9::text[], $10::timestamptz[])
        as t (key, id, operator, sender, short_code, number_sealed, body_sealed, incomplete, state, at)
), seen as (
    insert into inbound_seen as s (key, seen_at) select key, at from t order by key
    on conflict (key) do update set seen_at = excluded.seen_at where s.seen_at <= excluded.seen_at - $11::interval
    returning key
)
insert into inbox (id, operator, sender, short_code, number_sealed, body_sealed, incomplete, state, received_at, due_at, done_at, tries, lease_until)
select id, operator, sender, short_code, number_sealed, body_sealed, incomplete, case when mine then 'claimed' when state = 'flood' then state else 'waiting' end,
    at, at, case when state = 'flood' then at end, mine::int, case when mine then now() + $12::interval end
from t join seen using (key)
left join lateral (select 1 as one from inbox e where e.sender = t.sender and e.state in ('waiting', 'claimed') limit 1) older on true
cross join lateral (select state = 'claimed' and older.one is null as mine) m
order by id
returning id, state`

const sqlStoreJoined = `
insert into inbox (id, operator, sender, short_code, number_sealed, body_sealed, incomplete, state, received_at, due_at, done_at)
select id, operator, sender, short_code, number_sealed, body_sealed, incomplete, state, at, at, case when state = 'flood' then at end
from unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::bytea[], $6::bytea[], $7::bool[], $8::text[], $9::timestamptz[])
    as t (id, operator, sender, short_code, number_sealed, body_sealed, incomplete, state, at)`

// Parts that come at once wait for each other, so that one of them sees all. The lock ends with the transaction.
const sqlLockGroup = `select pg_advisory_xact_lock($1)`

const sqlPieces = `
select part, total, operator, short_code, data_coding, locking, single, number_sealed, payload_sealed, received_at
from inbound_part where text_group = $1 order by part`

const sqlStorePart = `
insert into inbound_part (text_group, part, total, operator, short_code, data_coding, locking, single, number_sealed,
    payload_sealed, received_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

const sqlForgetParts = `delete from inbound_part where text_group = $1`

const sqlLateGroups = `
select text_group from inbound_part group by text_group having max(received_at) < $1 order by max(received_at) limit 100`

// The first open text of each sender, so that nobody is overtaken by a later text of their own.
const sqlClaim = `
with c as (
    select id from inbox i
    where state = 'waiting' and due_at <= $1 and not exists (
        select 1 from inbox e where e.sender = i.sender and e.state in ('waiting', 'claimed') and e.id < i.id)
    order by due_at, id limit $2 for update skip locked
)
update inbox i set state = 'claimed', lease_until = now() + $3::interval, tries = tries + 1
from c where i.id = c.id
returning i.id, i.operator, i.short_code, i.number_sealed, i.body_sealed, i.incomplete, i.received_at, i.tries, i.lost`

// It tells whether a later text of one of the senders may be handed on now.
const sqlSettle = `
with s as (
    update inbox i
    set state = u.state, due_at = u.due_at, tries = u.tries, reason = u.reason, lease_until = null,
        done_at = case when u.state = 'waiting' then null else $6::timestamptz end
    from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::smallint[], $5::text[]) as u (id, state, due_at, tries, reason)
    where i.id = u.id and i.state = 'claimed'
    returning i.id, i.sender, i.state
)
select coalesce(bool_or(exists (select from inbox w where w.sender = s.sender and w.id > s.id and w.state = 'waiting')), false)
from s where state <> 'waiting'`

const sqlRenew = `update inbox set lease_until = now() + $2::interval where id = any($1::bigint[]) and state = 'claimed'`

// Nobody hands these on: whoever stored them does not know that they are stored.
const sqlRelease = `
update inbox set state = 'waiting', tries = tries - 1, lease_until = null where id = any($1::bigint[]) and state = 'claimed' and tries = 1
returning id`

// A text whose process died may be the one that killed it. Those that were lost before come back at different moments,
// so that not always the same ones are under way together; within seconds, for they are all but one somebody's who waits.
const sqlSweepLeases = `
update inbox set lost = lost + 1, tries = tries - 1, state = case when lost + 1 >= $2 then 'quarantined' else 'waiting' end,
    lease_until = null, due_at = $1::timestamptz + least(lost, 5) * random() * interval '1 second',
    done_at = case when lost + 1 >= $2 then $1::timestamptz end, reason = 'lost'
where id in (select id from inbox where state = 'claimed' and lease_until < now() limit 1000 for update skip locked)
returning state`

const sqlForgetSeen = `delete from inbound_seen where key in (select key from inbound_seen where seen_at < $1 order by seen_at limit 1000)`

// From the oldest on, up to the first that is younger. $2 bounds one turn.
const sqlForgetTexts = `
with old as (
    select id from inbox
    where id < coalesce((select id from inbox where received_at >= $1 order by id limit 1), 9223372036854775807)
        and state in ('done', 'flood', 'quarantined', 'left') and done_at < $1
    order by id limit $2
), unread as (
    delete from unread_text where inbox_id in (select id from old)
)
delete from inbox where id in (select id from old)`
