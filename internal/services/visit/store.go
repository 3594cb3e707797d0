package visit

// What the rules look at.

const sqlOccurrenceHouse = `
select o.establishment_id, (o.held + o.booked >= o.capacity_groups or p.used >= p.places)
    and not exists (select 1 from visit v where v.occurrence_id = o.id and v.state = 'HELD' and v.hold_expires_at <= $3)
from occurrence o join occurrence_pool p on p.occurrence_id = o.id and p.pool = $2
where o.id = $1`

const sqlDetaineeHouse = `select establishment_id from detainee where id = $1`

const sqlDetainee = `
select id, establishment_id, sector, category, legal_status, present, contact_ban_until, sanction_until, separated_only,
    away_from, away_until
from detainee where id = $1`

const sqlQuality = `select quality in ('lawyer', 'officer') from account where id = $1`

// One row for each visitor and permit; a visitor without one has one row with nulls.
const sqlGuests = `
select v.id as visitor_id, v.birth_date, p.id as permit_id, c.ref, c.state, p.valid_from, p.valid_to,
    p.visits_allowed - p.visits_committed - p.visits_used as left_over, p.separation, p.establishment_id
from visitor v
left join permit p on p.visitor_id = v.id and p.detainee_id = $2
left join case_file c on c.id = p.id
where v.id = any($3::bigint[]) and v.account_id = $1 and v.removed_at is null
order by array_position($3::bigint[], v.id), p.id`

const sqlBans = `
select v.id, b.valid_from, least(b.valid_to, date '9999-12-31')
from visitor v
join visitor_ban b on b.country = v.country and b.id_number_index = v.id_number_index
where v.id = any($1::bigint[])
    and coalesce(b.detainee_id = $2, true) and b.valid_to >= $3
    and coalesce(b.establishment_id = (select establishment_id from detainee where id = $2), true)`

// Live visits of the detainee and of the same persons, but for one that is to be replaced.
const sqlBusy = `
select lower(period), upper(period), true from visit
where detainee_id = $1 and stage = 'live' and id <> all($4::bigint[]) and upper(period) > $3
union all
select lower(g.period), upper(g.period), false
from visitor v
join visit_visitor g on g.person = v.id_number_index and g.country = v.country
where v.id = any($2::bigint[]) and g.stage = 'live' and g.visit_id <> all($4::bigint[]) and upper(g.period) > $3`

const sqlWeeks = `
select week_start, kind, used, allowed + extra from entitlement_week where detainee_id = $1 and week_start >= $2`

const sqlOpenBookings = `
select count(*) from visit where account_id = $1 and state in ('HELD', 'REQUESTED', 'BOOKED') and day >= $2
    and (state <> 'HELD' or hold_expires_at > $3) and replaces is null and id <> all($4::bigint[])`

// A place under an expired hold counts as free.
const slotColumns = `
o.id, o.establishment_id, t.room, o.kind, o.day, lower(o.period) as starts, upper(o.period) as ends,
    exists (select 1 from establishment_phase f
        where f.establishment_id = o.establishment_id and f.service = 'visit' and f.phase in ('pilot', 'live')) as opened,
    o.closed_at is not null or coalesce((select d.kind in ('closed', 'holiday') from calendar_day d
        where d.day = o.day and d.country = e.country and coalesce(d.establishment_id = e.id, true)
        order by d.establishment_id nulls last limit 1), false) as shut,
    least(o.capacity_groups - o.held - o.booked, p.places - p.used) + x.groups as free_groups,
    o.capacity_heads - o.heads + x.heads as free_heads,
    t.sectors, t.sectors_out, t.categories, t.statuses, t.on_request`

const slotTables = `
from occurrence o
join session_template t on t.id = o.template_id
join establishment e on e.id = o.establishment_id
join occurrence_pool p on p.occurrence_id = o.id and p.pool = $1
cross join lateral (
    select count(*)::integer as groups, coalesce(sum(v.heads), 0)::integer as heads
    from visit v
    where v.occurrence_id = o.id and v.state = 'HELD' and v.hold_expires_at <= $2 and v.pool = p.pool
) x`

const sqlSlots = `select ` + slotColumns + slotTables + `
where o.establishment_id = $3 and o.day between $4 and $5 and o.kind in ('contact', 'separated', 'official')
order by o.day, lower(o.period), o.id
limit $6`

const sqlSlot = `select ` + slotColumns + slotTables + ` where o.id = $3`

// Locks, each in one order.

const sqlLockAccount = `select id from account where id = $1 for no key update`

const sqlLockPermitCases = `
select c.id from permit p join case_file c on c.id = p.id
where p.detainee_id = $1 and p.visitor_id = any($2::bigint[]) or p.id = any($3::bigint[])
order by c.id for share of c`

const sqlLockDetainees = `select id from detainee where id = any($1::bigint[]) order by id for share`

const sqlLockPermits = `
select id from permit
where detainee_id = $1 and visitor_id = any($2::bigint[]) or id = any($3::bigint[])
order by id for no key update`

const sqlMakeWeek = `
insert into entitlement_week (detainee_id, week_start, kind, allowed) values ($1, $2, $3, $4)
on conflict do nothing`

const sqlLockWeeks = `
select week_start from entitlement_week where detainee_id = any($1::bigint[]) and week_start = any($2::date[])
order by detainee_id, week_start, kind for no key update`

// The limit follows the rule of the day, but never below what is used.
const sqlAllowWeek = `
update entitlement_week set allowed = greatest($4::smallint, used - extra)
where detainee_id = $1 and week_start = $2 and kind = $3 and allowed <> greatest($4::smallint, used - extra)`

const sqlLockOccurrences = `select id from occurrence where id = any($1::bigint[]) order by id for no key update`

// Holds and visits.

const sqlInsertVisit = `
insert into visit (id, account_id, detainee_id, establishment_id, occurrence_id, day, period, kind, pool, heads, week_start,
    channel, replaces, state, hold_expires_at)
select $1, $2, $3, o.establishment_id, o.id, o.day, o.period, o.kind, $5, $6, $7, $8, $9, 'HELD', $10
from occurrence o where o.id = $4`

const sqlInsertGuests = `
insert into visit_visitor (visit_id, visitor_id, country, person, detainee_id, permit_id, lead, age, counted, period, stage)
select v.id, g.visitor_id, '', '', v.detainee_id, g.permit_id, g.lead, g.age, g.counted, v.period, v.stage
from visit v, unnest($2::bigint[], $3::bigint[], $4::boolean[], $5::smallint[], $6::boolean[])
    as g (visitor_id, permit_id, lead, age, counted)
where v.id = $1`

const visitColumns = `
v.id, c.ref, coalesce(v.code, '') as code, v.account_id, v.detainee_id, v.establishment_id, v.occurrence_id, v.day,
    lower(v.period) as starts, upper(v.period) as ends, v.kind, v.pool, v.heads, v.week_start, v.channel, v.replaces,
    v.state, v.stage, v.excused, v.hold_expires_at, v.late_cancel, v.checked_in_at, coalesce(v.outcome, '') as outcome,
    array(select g.visitor_id from visit_visitor g where g.visit_id = v.id order by not g.lead, g.visitor_id) as visitors,
    array(select g.permit_id from visit_visitor g where g.visit_id = v.id order by g.permit_id) as permits`

const visitTables = ` from visit v join case_file c on c.id = v.id`

const sqlVisit = `select ` + visitColumns + visitTables + ` where v.id = $1`

const sqlHoldsOf = `select ` + visitColumns + visitTables + `
where v.account_id = $1 and v.state = 'HELD' order by v.id limit 20`

// Holds whose account is at work just now are left to it.
const sqlExpiredHolds = `select ` + visitColumns + visitTables + ` join account a on a.id = v.account_id
where v.occurrence_id = $1 and v.state = 'HELD' and v.hold_expires_at <= $2 order by v.id limit 100
for no key update of a, c skip locked`

const sqlHasPlace = `
select (o.held + o.booked < o.capacity_groups and p.used < p.places and o.heads + $3 <= o.capacity_heads)
from occurrence o join occurrence_pool p on p.occurrence_id = o.id and p.pool = $2
where o.id = $1`

const sqlSetCode = `update visit set code = $2 where id = $1`

const sqlSetLate = `update visit set late_cancel = true where id = $1`

const sqlSetExcused = `update visit set excused = $2 where id = $1`

const sqlSetOutcome = `update visit set outcome = $2 where id = $1`

const sqlSetCheckedIn = `update visit set checked_in_at = coalesce(checked_in_at, $2) where id = $1`

const sqlSetAttendance = `
update visit_visitor set attendance = $3, gate_reason = $4, gate_at = $5, gate_by = $6
where visit_id = $1 and visitor_id = $2 and attendance <> $3`
