package links

const sqlListen = `listen links`

// A wish for a bind that nobody keeps, or over another version, writes no row.
const sqlWish = `
with w as (
    insert into bind_wish as b (operator, bind, wish, set_by, set_at)
    select $1, $2, $3, $5, $6::timestamptz where exists (select 1 from bind_state where operator = $1 and bind = $2)
    on conflict (operator, bind) do update
    set wish = excluded.wish, version = b.version + 1, set_by = excluded.set_by, set_at = excluded.set_at
    where b.version = $4::int
    returning version
)
select version, pg_notify('links', '') from w`

const sqlTrace = `
with w as (
    insert into bind_wish as b (operator, bind, trace_until, set_by, set_at)
    select $1, $2, $3::timestamptz, $5, $6::timestamptz where exists (select 1 from bind_state where operator = $1 and bind = $2)
    on conflict (operator, bind) do update
    set trace_until = excluded.trace_until, version = b.version + 1, set_by = excluded.set_by, set_at = excluded.set_at
    where b.version = $4::int
    returning version
)
select version, pg_notify('links', '') from w`

const sqlKept = `select exists (select 1 from bind_state where operator = $1 and bind = $2)`

const sqlWishes = `select operator, bind, wish, trace_until, version, set_by, set_at from bind_wish`

const sqlAskReload = `
with r as (insert into operators_reload (asked_by, asked_at) values ($1, $2) returning id)
select pg_notify('links', '') from r`

const sqlLastReload = `select id, asked_at from operators_reload where process is null order by id desc limit 1`

// Without an id it was asked by a signal to this process.
const sqlReloaded = `
with r as (
    insert into operators_reload (asked_at, process) select $2, $3 where $1::bigint = 0 returning id
)
insert into operators_reload_done (reload_id, process, done_at, outcome, detail)
select coalesce((select id from r), $1::bigint), $3, $2, $4, $5
on conflict (reload_id, process) do nothing`

const sqlReloads = `
with r as (select * from operators_reload order by id desc limit $1)
select r.id, coalesce(r.asked_by, 0), r.asked_at, coalesce(r.process, ''), d.process, d.done_at, d.outcome, d.detail
from r left join operators_reload_done d on d.reload_id = r.id
order by r.id desc, d.process`

const sqlOperators = `
select operator, prefixes, short_codes, ussd_codes, fallback, http, seen_at from operator_state order by operator limit 1000`

const sqlStandings = `
select operator, bind, process, address, mode, state, since, rebinds, resting, cause, code, cause_at, in_flight, window_size, tps,
    trace, seen_at, seen_at < now() - $1::interval
from bind_state order by operator, bind, seen_at desc limit 10000`

const sqlMinutes = `
select operator, bind, minute, submitted, sent, throttled, temporary, rejected, unknown, delivered, undelivered, inbound, ussd,
    response_ms
from bind_minute where operator = $1 and minute >= $2 order by minute, bind limit 100000`

const sqlErrors = `
select operator, bind, cause, code, count, last_at from bind_error where operator = $1 order by minute desc, last_at desc limit $2`

const sqlRefusals = `
select distinct on (operator, bind) operator, bind, code, count, last_at from bind_error e
where minute >= date_trunc('minute', $1::timestamptz, 'UTC') and last_at >= $1 and cause = 'refused' and code in (13, 14, 15)
    and not exists (select 1 from bind_state s
        where s.operator = e.operator and s.bind = e.bind and s.state in ('bound', 'paused') and s.since >= e.last_at)
order by operator, bind, last_at desc limit 10000`

const sqlForget = `
delete from bind_state where process = $1 and (operator, bind) not in (
    select operator, bind from jsonb_to_recordset($2::jsonb) as t (operator text, bind text))`

const sqlReport = `
insert into bind_state (operator, bind, process, address, mode, state, since, rebinds, resting, cause, code, cause_at, in_flight,
    window_size, tps, trace, seen_at)
select operator, bind, $1, address, mode, state, since, rebinds, resting, cause, code, cause_at, in_flight, window_size, tps, trace,
    now()
from jsonb_to_recordset($2::jsonb) as t (operator text, bind text, address text, mode text, state text, since timestamptz,
    rebinds int, resting bool, cause text, code bigint, cause_at timestamptz, in_flight int, window_size int, tps float8, trace text)
order by operator, bind
on conflict (operator, bind, process) do update set
    address = excluded.address, mode = excluded.mode, state = excluded.state, since = excluded.since, rebinds = excluded.rebinds,
    resting = excluded.resting, cause = excluded.cause, code = excluded.code, cause_at = excluded.cause_at,
    in_flight = excluded.in_flight, window_size = excluded.window_size, tps = excluded.tps,
    trace = excluded.trace, seen_at = excluded.seen_at`

// In one order, so that processes that count the same bind wait for each other and no more.
const sqlCount = `
insert into bind_minute as m (operator, bind, minute, submitted, sent, throttled, temporary, rejected, unknown, delivered,
    undelivered, inbound, ussd, response_ms)
select * from jsonb_to_recordset($1::jsonb) as t (operator text, bind text, minute timestamptz, submitted int, sent int,
    throttled int, temporary int, rejected int, unknown int, delivered int, undelivered int, inbound int, ussd int,
    response_ms bigint)
order by operator, bind, minute
on conflict (operator, bind, minute) do update set
    submitted = m.submitted + excluded.submitted, sent = m.sent + excluded.sent, throttled = m.throttled + excluded.throttled,
    temporary = m.temporary + excluded.temporary, rejected = m.rejected + excluded.rejected,
    unknown = m.unknown + excluded.unknown, delivered = m.delivered + excluded.delivered,
    undelivered = m.undelivered + excluded.undelivered, inbound = m.inbound + excluded.inbound, ussd = m.ussd + excluded.ussd,
    response_ms = m.response_ms + excluded.response_ms`

const sqlFailures = `
insert into bind_error as e (operator, bind, minute, cause, code, count, last_at)
select operator, bind, date_trunc('minute', last_at, 'UTC'), cause, code, count, last_at
from jsonb_to_recordset($1::jsonb) as t (operator text, bind text, cause text, code bigint, count int, last_at timestamptz)
order by 1, 2, 3, 4, 5
on conflict (operator, bind, minute, cause, code) do update set
    count = e.count + excluded.count, last_at = greatest(e.last_at, excluded.last_at)`

const sqlAbout = `
insert into operator_state (operator, prefixes, short_codes, ussd_codes, fallback, http, seen_at)
select operator, coalesce(prefixes, '{}'), coalesce(short_codes, '{}'), coalesce(ussd_codes, '{}'), coalesce(fallback, '{}'),
    http, now()
from jsonb_to_recordset($1::jsonb) as t (operator text, prefixes text[], short_codes text[], ussd_codes text[],
    fallback text[], http text)
order by operator
on conflict (operator) do update set
    prefixes = excluded.prefixes, short_codes = excluded.short_codes, ussd_codes = excluded.ussd_codes,
    fallback = excluded.fallback, http = excluded.http, seen_at = excluded.seen_at`

const sqlRemoved = `delete from operator_state where operator = any($1::text[])`

const sqlElsewhere = `
select distinct operator, bind from bind_state
where process <> $1 and state = 'bound' and not resting and mode <> 'receiver' and seen_at >= now() - $2::interval`

const sqlSweepMinutes = `
delete from bind_minute where (operator, bind, minute) in (
    select operator, bind, minute from bind_minute where minute < $1 order by minute limit 50000)`

const sqlSweepErrors = `
delete from bind_error where (operator, bind, minute, cause, code) in (
    select operator, bind, minute, cause, code from bind_error where minute < $1 order by minute limit 50000)`

const sqlSweepReloads = `
delete from operators_reload where id in (select id from operators_reload where asked_at < $1 order by asked_at limit 1000)`

// A process that is gone is forgotten once another keeps its bind; else after a day, so that staff see what is missing.
const sqlSweepStates = `
delete from bind_state s where s.seen_at < now() - interval '2 minutes' and (
    s.seen_at < now() - interval '1 day'
    or exists (select 1 from bind_state o where o.operator = s.operator and o.bind = s.bind and o.seen_at >= now() - interval '15 seconds'))`

const sqlSweepOperators = `delete from operator_state where seen_at < now() - interval '1 day'`
